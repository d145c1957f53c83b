use http_session::session_config;

#[session_config(cookie(name = "__Host-id", domain = "example.org"))]
struct HostWithDomain;

#[session_config(cookie(name = "__host-id", path = "/shop"))]
struct HostWithPath;

#[session_config(cookie(name = "__Secure-id", secure = false))]
struct PrefixWithoutTls;

#[session_config(cookie(same_site = "None", secure = false))]
struct NoneWithoutTls;

#[session_config(cookie(partitioned, secure = false))]
struct PartitionedWithoutTls;

#[session_config(cookie(name = "__Http-id", http_only = false))]
struct ForScripts;

#[session_config(cookie(name = "my id", path = "shop", same_site = "Laxx"))]
struct Malformed;

fn main() {}
