use http_session::session_config;

#[session_config(cookie(name = "__Host-id", domain = "example.org"))]
struct HostWithDomain;

#[session_config(cookie(name = "__host-id", path = "/shop"))]
struct HostWithPath;

#[session_config(cookie(name = "__Secure-id", plain_http))]
struct PrefixWithoutTls;

#[session_config(cookie(same_site = "None", plain_http = true))]
struct NoneWithoutTls;

#[session_config(cookie(name = "my id", path = "shop", same_site = "Laxx"))]
struct Malformed;

fn main() {}
