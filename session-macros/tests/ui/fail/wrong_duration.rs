use http_session::session_config;

#[session_config(max_inactive = 0)]
struct Zero;

#[session_config(max_inactive = "0m")]
struct ZeroMinutes;

#[session_config(max_inactive = -1)]
struct Negative;

#[session_config(max_inactive = 18446744073709551616)]
struct Overflowing;

#[session_config(max_inactive = 86400 * 18446744073709551615)]
struct OverflowingProduct;

#[session_config(max_inactive = 86400 * 0)]
struct ZeroProduct;

#[session_config(max_inactive = "4000000d")]
struct TooLong;

#[session_config(max_inactive = "30 minutes")]
struct Words;

fn main() {}
