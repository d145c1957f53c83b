//! Redis, chosen by a URL at run time.

use http_session::{Builder, ErrorKind, session_config};
use session_testkit::RedisServer;

use crate::support::{built, issued};

/// What a URL means something else by.
const PASSWORD: &str = "p@ss/w:rd?#%40 &";

#[session_config(store = "redis://:{password}@{host}:{port}", namespace = "shop")]
struct Sessions {
    #[value("${redis.hostname:127.0.0.1}")]
    host: String,
    #[value("${redis.port}")]
    port: u16,
    #[value("${redis.password}")]
    password: String,
}

#[tokio::test]
async fn a_session_begun_on_one_node_is_there_on_the_other_and_the_password_may_hold_any_character() {
    let server = RedisServer::start_with(&["--requirepass", PASSWORD]);
    let settings = [("redis.port", server.port().to_string()), ("redis.password", PASSWORD.to_owned())];
    let one = built(Sessions::builder(), settings.clone()).await;
    let other = built(Sessions::from_source(&settings).unwrap().into_builder(), settings).await;

    let headers = issued(&one).await;
    let (_, cookie) = headers.iter().find(|(name, _)| name == "set-cookie").unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let session = other.open([("cookie", cookie.as_bytes())]).load().await.unwrap();
    assert_eq!(session.get::<u8>("a").unwrap(), Some(1));
    let key: Vec<String> = server.query(&["KEYS", "*"]);
    assert_eq!(key, [format!("shop:sessions:{}", session.handle().unwrap())]);
}

#[tokio::test]
async fn a_wrong_password_is_an_error_at_start_that_names_the_setting_and_shows_no_password() {
    let server = RedisServer::start_with(&["--requirepass", PASSWORD]);
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port());
    let error = Builder::new().source([("session.store", url)]).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(
        error.to_string().starts_with("property session.store: the store redis://…@127.0.0.1:"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
