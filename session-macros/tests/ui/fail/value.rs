use http_session::session_config;

#[session_config()]
struct Sessions {
    missing: String,
    #[value]
    empty: String,
    #[value = "${a}"]
    name_value: String,
    #[value(a)]
    unquoted: String,
    #[value("${a")]
    unclosed: String,
    #[value("{missing}")]
    of_a_field: String,
    #[value("${a}")]
    #[value("${b}")]
    twice: String,
}

fn main() {}
