//! What can be said as text: by the attribute, and over it by the source.

use std::time::Duration;

use http_session::{Builder, Expiry, session_config};

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
