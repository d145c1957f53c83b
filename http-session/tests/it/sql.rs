//! A database, chosen by a URL at run time.

use std::fs;
use std::time::Duration;

use http_session::{
    Builder, Delivery, ErrorKind, EventKind, EventSettings, SessionEvent, listen, session_config,
};
use session_testkit::PostgresServer;
use tokio::time::timeout;

use crate::support::{built, issued};

#[session_config(store = "sqlite://{file}", namespace = "shop")]
struct Sessions {
    #[value("${sqlite.file}")]
    file: String,
}

#[tokio::test]
async fn a_session_begun_on_one_node_is_there_on_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("sqlite.file", folder.path().join("sessions.db").display().to_string())];
    let one = built(Sessions::builder(), settings.clone()).await;
    let other = built(Sessions::builder(), settings).await;

    let headers = issued(&one).await;
    let (_, cookie) = headers.iter().find(|(name, _)| name == "set-cookie").unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let session = other.open([("cookie", cookie.as_bytes())]).load().await.unwrap();
    assert_eq!(session.get::<u8>("a").unwrap(), Some(1));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error_at_start_that_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    fs::write(&file, "this is a text, and has been one for as long as anybody remembers it").unwrap();
    let url = format!("sqlite://{}", file.display());
    let error = Builder::new().source([("session.store", url)]).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    let message = error.to_string();
    assert!(message.contains("session.store") && message.contains("not a database"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_on_postgresql_is_heard_long_before_the_next_look() {
    const SELDOM: Duration = Duration::from_secs(60);
    let server = PostgresServer::shared();
    let settings = [("session.store", server.url(&server.database()))];
    let telling = || Builder::new().events(EventSettings::new());
    let one = built(telling(), settings.clone()).await;
    let other = built(telling(), settings).await;
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let listener = move |event: SessionEvent| {
        let told = heard.send(event.kind);
        async move { told }
    };
    let _listening = listen(&one, Delivery::EveryNode, SELDOM, listener).await.unwrap();
    for _ in 0..3 {
        issued(&other).await;
        let kind = timeout(Duration::from_secs(10), hears.recv()).await.expect("it is heard at once");
        assert_eq!(kind, Some(EventKind::Created));
    }
}
