//! What can be said as text: by the attribute, and over it by the source.

use std::sync::Arc;
use std::time::Duration;

use http_session::{Builder, Expiry, HeaderResolver, MemoryStore, session_config};

use session_testkit::SpyStore;

use crate::support::{built, cookie, issued};

const NOTHING: [(&str, &str); 0] = [];

#[session_config(
    max_inactive = "10m",
    store = "memory:",
    namespace = "annotated",
    cookie(name = "annotated")
)]
struct Annotated;

#[session_config(header = "X-Annotated")]
struct ByHeader;

fn idle(seconds: u64) -> Expiry {
    Expiry::idle(Duration::from_secs(seconds)).unwrap()
}

#[tokio::test]
async fn without_a_word_sessions_are_in_memory_for_half_an_hour_with_a_host_cookie() {
    let manager = built(Builder::new(), NOTHING).await;
    assert_eq!(manager.expiry(), idle(1800));
    assert_eq!(cookie(&manager).await, "__Host-id=…; Path=/; HttpOnly; SameSite=Lax; Secure");
    let shown = format!("{manager:?}");
    assert!(shown.contains("MemoryStore") && shown.contains(r#"namespace: "session""#), "{shown}");
}

#[tokio::test]
async fn the_attribute_says_what_the_source_does_not() {
    let manager = built(Annotated::builder(), NOTHING).await;
    assert_eq!(manager.expiry(), idle(600));
    assert!(cookie(&manager).await.starts_with("annotated=…"));
    assert!(format!("{manager:?}").contains(r#"namespace: "annotated""#));
}

#[tokio::test]
async fn the_source_is_heard_over_the_attribute() {
    let manager = built(
        Annotated::builder(),
        [("session.max-inactive", "1h"), ("session.namespace", "other"), ("session.cookie.name", "other")],
    )
    .await;
    assert_eq!(manager.expiry(), idle(3600));
    assert!(cookie(&manager).await.starts_with("other=…"));
    assert!(format!("{manager:?}").contains(r#"namespace: "other""#));
}

#[tokio::test]
async fn max_inactive_is_seconds_or_a_text_with_units_or_never() {
    for (text, expiry) in
        [("90", idle(90)), ("1h30m", idle(5400)), ("2d", idle(172_800)), ("never", Expiry::never())]
    {
        let manager = built(Annotated::builder(), [("session.max-inactive", text)]).await;
        assert_eq!(manager.expiry(), expiry, "{text}");
    }
    let fraction = built(Annotated::builder(), [("session.max-inactive", "500ms")]).await;
    assert_eq!(fraction.expiry(), Expiry::idle(Duration::from_millis(500)).unwrap());
}

#[tokio::test]
async fn each_cookie_setting_reaches_the_cookie() {
    for (property, value, expected) in [
        ("session.cookie.name", "shop", "shop=…; Path=/; HttpOnly; SameSite=Lax; Secure"),
        ("session.cookie.path", "/shop", "__Secure-id=…; Path=/shop; HttpOnly; SameSite=Lax; Secure"),
        (
            "session.cookie.domain",
            "example.org",
            "__Secure-id=…; Path=/; Domain=example.org; HttpOnly; SameSite=Lax; Secure",
        ),
        ("session.cookie.same-site", "strict", "__Host-id=…; Path=/; HttpOnly; SameSite=Strict; Secure"),
        ("session.cookie.same-site", "None", "__Host-id=…; Path=/; HttpOnly; SameSite=None; Secure"),
        ("session.cookie.http-only", "false", "__Host-id=…; Path=/; SameSite=Lax; Secure"),
        ("session.cookie.secure", "false", "id=…; Path=/; HttpOnly; SameSite=Lax"),
        ("session.cookie.secure", "on", "__Host-id=…; Path=/; HttpOnly; SameSite=Lax; Secure"),
        (
            "session.cookie.partitioned",
            "yes",
            "__Host-id=…; Path=/; HttpOnly; SameSite=Lax; Secure; Partitioned",
        ),
        (
            "session.cookie.max-age",
            "30d",
            "__Host-id=…; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=2592000",
        ),
    ] {
        let manager = built(Builder::new(), [(property, value)]).await;
        assert_eq!(cookie(&manager).await, expected, "{property}={value}");
    }
}

#[tokio::test]
async fn a_header_carries_the_id_instead_of_a_cookie() {
    let manager = built(ByHeader::builder(), NOTHING).await;
    let headers = issued(&manager).await;
    assert!(headers.iter().any(|(name, value)| name == "x-annotated" && value.len() == 43));
    assert!(headers.iter().all(|(name, _)| name != "set-cookie"));
}

#[tokio::test]
async fn the_source_may_choose_the_other_transport() {
    let manager = built(Annotated::builder(), [("session.header", "X-Other")]).await;
    assert!(issued(&manager).await.iter().any(|(name, _)| name == "x-other"));
    assert_eq!(cookie(&manager).await, "");

    let manager = built(ByHeader::builder(), [("session.cookie.name", "other")]).await;
    assert!(cookie(&manager).await.starts_with("other=…"));
}

#[session_config(
    store = "${shop.store:memory:}",
    namespace = "${shop.name:${application.name:shop}}-{region}",
    max_inactive = "{minutes}m"
)]
struct Made {
    #[value("${shop.region:eu}")]
    region: String,
    #[value("${shop.minutes:30}")]
    minutes: u32,
}

#[tokio::test]
async fn settings_are_made_of_fields_and_properties() {
    let manager = built(Made::builder(), NOTHING).await;
    assert!(format!("{manager:?}").contains(r#"namespace: "shop-eu""#), "{manager:?}");
    assert_eq!(manager.expiry(), idle(1800));

    let source = [("application.name", "app"), ("shop.region", "us"), ("shop.minutes", "5")];
    let manager = built(Made::builder(), source).await;
    assert!(format!("{manager:?}").contains(r#"namespace: "app-us""#), "{manager:?}");
    assert_eq!(manager.expiry(), idle(300));
}

#[tokio::test]
async fn fields_may_be_filled_by_hand() {
    let by_hand = Made { region: "moon".to_owned(), minutes: 1 };
    let manager = built(by_hand.into_builder(), [("shop.region", "us")]).await;
    assert!(format!("{manager:?}").contains(r#"namespace: "shop-moon""#), "{manager:?}");
    assert_eq!(manager.expiry(), idle(60));
}

#[test]
fn fields_are_read_from_the_source_that_is_handed_in() {
    let read = Made::from_source(&std::collections::HashMap::from([("shop.minutes", "7")])).unwrap();
    assert_eq!((read.region.as_str(), read.minutes), ("eu", 7));
}

#[tokio::test]
async fn each_setting_reaches_the_manager() {
    for (property, value, expected) in [
        ("session.max-lifetime", "12h", "absolute: Some(43200s)"),
        ("session.max-lifetime", "never", "absolute: None"),
        ("session.anonymous-max-inactive", "5m", "anonymous_idle: Some(300s)"),
        ("session.renew-every", "15m", "renew_every: Some(900s)"),
        ("session.renew-every", "never", "renew_every: None"),
        ("session.touch", "10s", "touch: 10s"),
        ("session.touch", "0", "touch: 0ns"),
        ("session.flush", "immediate", "flush: Immediate"),
        ("session.flush", "on-commit", "flush: OnCommit"),
        ("session.save", "read", "save: Read"),
        ("session.save", "ALWAYS", "save: Always"),
        ("session.save", "changed", "save: Changed"),
        ("session.max-attribute-bytes", "64KiB", "attribute_bytes: 65536"),
        ("session.max-session-bytes", "100", "session_bytes: 100"),
        ("session.max-attributes", "7", "attributes: 7"),
        ("session.budget", "500ms", "budget: 500ms"),
        ("session.bearer", "true", "is_bearer: true"),
        ("session.cookie.base64", "true", "base64: true"),
        ("session.cookie.route", "node-1", "route: Some(\".node-1\")"),
        ("session.cookie.max-age", "1d", "max_age: Some(86400)"),
    ] {
        let manager = built(Builder::new(), [(property, value)]).await;
        let shown = format!("{manager:?}");
        assert!(shown.contains(expected), "{property}={value}: {shown}");
    }
}

#[tokio::test]
async fn changes_are_written_on_an_error_if_that_is_said() {
    for (value, is_written) in [("true", true), ("false", false)] {
        let manager = built(Builder::new(), [("session.save-on-error", value)]).await;
        let session = manager.open([]);
        session.insert("a", &1).unwrap();
        let headers = manager.commit(&session, 500).await.headers;
        assert_eq!(headers.iter().any(|header| header.name == "set-cookie"), is_written);
    }
}

#[tokio::test]
async fn the_store_tells_events_if_that_is_said() {
    for (value, tells) in [("true", true), ("false", false)] {
        let manager = built(Builder::new(), [("session.events", value)]).await;
        assert_eq!(manager.store().capabilities().events.is_some(), tells);
    }
}

#[session_config(store = open, resolver = HeaderResolver::new("X-Own").unwrap(), namespace = "{name}")]
struct ItsOwn {
    #[value("${shop.name:own}")]
    name: String,
}

async fn open(config: &ItsOwn) -> Result<SpyStore, std::io::Error> {
    match &*config.name {
        "broken" => Err(std::io::Error::other("the disk is full")),
        _ => Ok(SpyStore::new(Arc::new(MemoryStore::new()))),
    }
}

#[tokio::test]
async fn what_the_attribute_names_by_a_path_is_used_unless_a_source_says_otherwise() {
    let manager = built(ItsOwn::builder(), NOTHING).await;
    assert!(format!("{:?}", manager.store()).starts_with("SpyStore"));
    assert!(issued(&manager).await.iter().any(|(name, _)| name == "x-own"));
    let by_hand = ItsOwn { name: "by-hand".into() };
    let manager = built(by_hand.into_builder(), NOTHING).await;
    assert!(format!("{:?}", manager.store()).starts_with("SpyStore"));

    let source = [("session.store", "memory:"), ("session.cookie.name", "other")];
    let manager = built(ItsOwn::builder(), source).await;
    assert!(format!("{:?}", manager.store()).starts_with("MemoryStore"));
    assert!(cookie(&manager).await.starts_with("other="));

    let error = ItsOwn::builder().source([("shop.name", "broken")]).build().await.unwrap_err();
    assert_eq!(error.kind(), http_session::ErrorKind::Config);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is full");

    let explained = ItsOwn::builder().source(NOTHING).explain().unwrap();
    let origin = explained.origin("session.store").unwrap();
    assert!(origin.starts_with("session.store in #[session_config] at "), "{origin}");
    assert_eq!((explained.origin("session.cookie.name"), explained.origin("session.header")), (None, None));
}
