//! What is wrong is told at start, all of it, with where it came from; and no password is.

use http_session::{Builder, Error, ErrorKind, Source, session_config};

/// Where the attribute of [`Sessions`] stands.
const PLACE: (&str, u32) = (file!(), line!() + 2);

#[session_config(store = "redis://{user}:{password}@{host}:{port}", namespace = "${shop.name}")]
struct Sessions {
    #[value("${redis.user:default}")]
    user: String,
    #[value("${redis.password}")]
    password: String,
    #[value("${redis.hostname:localhost}")]
    host: String,
    #[value("${redis.port:none}")]
    port: u16,
}

fn place() -> String {
    format!("{}:{}", PLACE.0, PLACE.1)
}

async fn error(builder: Builder, source: impl Source + 'static) -> Error {
    builder.source(source).build().await.expect_err("settings that are wrong")
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_each_with_where_the_value_came_from() {
    let source = [
        ("session.max-inactive", "soon"),
        ("session.cookie.same-site", "sometimes"),
        ("session.cookie.http-only", "perhaps"),
        ("session.header", "no token"),
        ("redis.hostname", "localhost"),
    ];
    let error = error(Sessions::builder(), source).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    let place = place();
    let expected = format!(
        "the configuration of Sessions is wrong:
  - field `password` of Sessions at {place}: ${{redis.password}} has no value and no default: set the property \
redis.password
  - field `port` of Sessions at {place}: the default is not a `u16`: invalid digit found in string
  - property session.max-inactive: \"soon\" is not a duration: say seconds (1800), or a text like \"30m\", \
\"1h30m\", \"500ms\", or \"never\"
  - session.namespace in #[session_config] at {place}: ${{shop.name}} has no value and no default: set the \
property shop.name
  - property session.header: \"no token\" cannot be a name in HTTP: letters, digits and !#$%&'*+-.^_`|~
  - property session.cookie.same-site: \"sometimes\" is none of \"Strict\", \"Lax\", \"None\"
  - property session.cookie.http-only: \"perhaps\" is neither true nor false"
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn all_fields_that_cannot_be_read_are_told_at_once() {
    let error = Sessions::from_source(&[("redis.port", "70000")]).map(drop).unwrap_err();
    let place = place();
    assert_eq!(
        error.to_string(),
        format!(
            "the configuration of Sessions is wrong:
  - field `password` of Sessions at {place}: ${{redis.password}} has no value and no default: set the property \
redis.password
  - property redis.port: not a `u16`, as the field `port` of Sessions at {place} is: number too large to fit in \
target type"
        )
    );
}

#[tokio::test]
async fn a_single_mistake_stands_in_one_line() {
    let error = error(Builder::new(), [("session.max-inactive", "0")]).await;
    assert_eq!(
        error.to_string(),
        "the configuration of the sessions is wrong: property session.max-inactive: \"0\" is no time at all"
    );
}

#[tokio::test]
async fn a_value_that_is_wrong_is_an_error_whatever_it_is() {
    for (property, value) in [
        ("session.max-inactive", "-1"),
        ("session.max-inactive", "0s"),
        ("session.max-inactive", "99999999999999999999"),
        ("session.namespace", ""),
        ("session.namespace", "the shop"),
        ("session.namespace", "{shop}"),
        ("session.header", ""),
        ("session.header", "Cookie"),
        ("session.cookie.name", ""),
        ("session.cookie.path", "shop"),
        ("session.cookie.domain", "a;b"),
        ("session.cookie.same-site", ""),
        ("session.cookie.secure", "maybe"),
        ("session.store", ""),
        ("session.store", "localhost"),
        ("session.store", "memory://somewhere"),
        ("session.store", "mongodb://localhost"),
    ] {
        let error = error(Builder::new(), [(property, value)]).await;
        assert_eq!(error.kind(), ErrorKind::Config, "{property}={value}");
        assert!(error.to_string().contains(&format!("property {property}: ")), "{error}");
    }
}

#[tokio::test]
async fn settings_that_do_not_go_together_are_an_error_that_names_them() {
    let dropped = error(
        Builder::new(),
        [
            ("session.cookie.name", "__Host-id"),
            ("session.cookie.domain", "example.org"),
            ("session.cookie.secure", "true"),
        ],
    );
    let dropped = dropped.await.to_string();
    assert!(
        dropped.contains(
            "property session.cookie.name, property session.cookie.domain, property session.cookie.secure: "
        ),
        "{dropped}"
    );

    let both = error(Builder::new(), [("session.cookie.name", "id"), ("session.header", "X-Auth-Token")]);
    assert!(both.await.to_string().ends_with(
        "property session.header, property session.cookie.name: a session's id travels in a cookie, in a \
         header or as a bearer token: say one"
    ));
}

#[tokio::test]
async fn a_store_that_does_not_exist_is_an_error_that_lists_those_that_do() {
    let error = error(Builder::new(), [("session.store", "mongodb://localhost")]).await.to_string();
    assert!(error.contains("there is no store for `mongodb:`; there are "), "{error}");
    assert_eq!(cfg!(feature = "memory"), error.contains("`memory:`"), "{error}");
    assert_eq!(cfg!(feature = "redis"), error.contains("`redis:`"), "{error}");
}

#[cfg(not(feature = "redis"))]
#[tokio::test]
async fn a_store_that_is_not_compiled_in_is_an_error_that_names_the_feature_to_turn_on() {
    let error = error(Builder::new(), [("session.store", "redis://localhost")]).await.to_string();
    assert!(
        error.ends_with(
            "property session.store: the store for `redis:` is not compiled in: turn on the feature `redis` of \
             http-session"
        ),
        "{error}"
    );
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn encryption_that_is_not_compiled_in_is_an_error_that_names_the_features_to_turn_on() {
    let features = if cfg!(feature = "redis") { "`tls`" } else { "`redis` and `tls`" };
    for scheme in ["rediss", "valkeys", "rediss+sentinel", "valkeys+cluster"] {
        let error =
            error(Builder::new(), [("session.store", format!("{scheme}://localhost"))]).await.to_string();
        assert!(error.contains(&format!("turn on the feature {features} of http-session")), "{error}");
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn every_way_to_redis_has_its_scheme() {
    for (url, words) in [
        ("redis+sentinel://127.0.0.1:1/shop", "none of the Sentinels 127.0.0.1:1 answers"),
        ("valkey+cluster://127.0.0.1:1", "cannot reach the Redis server at 127.0.0.1:1"),
        ("redis+unix:///nowhere.sock", "cannot reach the Redis server at /nowhere.sock"),
        ("redis+udp://127.0.0.1:1", "there is no store for `redis+udp:`"),
        ("memory+unix:", "there is no store for `memory+unix:`"),
        ("rediss+unix:///nowhere.sock", "there is no store for `rediss+unix:`"),
    ] {
        let error = error(Builder::new(), [("session.store", url)]).await.to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[cfg(not(feature = "memory"))]
#[tokio::test]
async fn without_a_store_and_without_memory_the_error_says_both_ways_out() {
    let error = error(Builder::new(), [("a", "b")]).await.to_string();
    assert!(error.contains("set SESSION_STORE") && error.contains("feature `memory`"), "{error}");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_store_that_cannot_be_opened_is_an_error_that_names_the_setting_and_hides_the_password() {
    let port = session_testkit::free_port();
    let url = format!("redis://shop:hunter2@127.0.0.1:{port}");
    let error = error(Builder::new(), [("session.store", url)]).await;
    assert!(error.is_temporary(), "{error:?}");
    let start = format!("property session.store: the store redis://…@127.0.0.1:{port} cannot be opened: ");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn no_password_is_in_an_error_or_a_debug() {
    let sources: &[&[(&str, &str)]] = &[
        // In a URL with something else wrong.
        &[("session.store", "mongodb://shop:hunter2@localhost/?password=hunter2")],
        &[("session.store", "memory://shop:hunter2@localhost")],
        &[("session.store", "postgres:hunter2@localhost")],
        // Not even a URL.
        &[("session.store", "hunter2")],
        &[("session.store", "hunter2@localhost")],
        &[("session.store", "shop@hunter2:6379")],
        // A URL in the place of something short.
        &[("session.namespace", "redis://:hunter2@localhost")],
        &[("session.max-inactive", "redis://:hunter2@localhost")],
        &[("session.cookie.same-site", "redis://:hunter2@localhost")],
        &[("session.cookie.secure", "redis://:hunter2@localhost")],
    ];
    for source in sources {
        let error = error(Builder::new(), *source).await;
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{source:?}: {error}");
    }

    let fields = [("redis.password", "hunter2"), ("redis.port", "hunter2"), ("shop.name", "shop")];
    let error = error(Sessions::builder(), fields).await;
    assert!(error.to_string().contains("redis.port"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");

    let builder = Sessions::builder().source(fields);
    assert!(!format!("{builder:?}").contains("hunter2"));
    let by_hand = Sessions { user: "u".into(), password: "hunter2".into(), host: "h".into(), port: 1 };
    assert!(!format!("{:?}", by_hand.into_builder()).contains("hunter2"));
}

/// Says what it was given: a parser that knows no secrets.
struct Quoting;

impl std::str::FromStr for Quoting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Err(format!("{text:?} is not what I want"))
    }
}

#[session_config()]
struct Secret {
    #[value("${secret}")]
    secret: Quoting,
}

#[test]
fn a_parser_that_quotes_the_value_is_not_quoted() {
    let Err(error) = Secret::from_source(&[("secret", "hunter2")]) else { panic!("nothing can be read") };
    let text = error.to_string();
    assert!(text.contains("property secret: not a `Quoting`, as the field `secret` of Secret at "), "{text}");
    assert!(text.ends_with(" is") && !format!("{error:?}").contains("hunter2"), "{error:?}");
    let _ = |secret: Secret| secret.secret;
}
