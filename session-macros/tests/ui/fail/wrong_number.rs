use http_session::session_config;

#[session_config(touch = "never", budget = 0, renew_every = "0s", anonymous_max_inactive = "never")]
struct Durations;

#[session_config(max_attribute_bytes = "1TiB", max_session_bytes = 0, max_attributes = "many")]
struct Sizes;

#[session_config(max_attributes = 99999999999999999999, max_attribute_bytes = "18446744073709551615GiB")]
struct Overflowing;

#[session_config(touch = -1, max_attributes = -1, cookie(max_age = 0))]
struct Negative;

fn main() {}
