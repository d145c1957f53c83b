//! Encrypted connections, to a server that has proved who it is.

use session_core::{Delivery, ErrorKind, EventSettings, Events as _};
use session_sql::SqlStore;
use session_testkit::{MariaDbServer, PostgresServer};

use crate::support::StoreExt as _;

/// How many connections to the database are encrypted, and how many are not.
const ENCRYPTED: &str = "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl)
    FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

fn postgres(server: &PostgresServer, database: &str, parameters: &str) -> String {
    format!("{}?{parameters}", server.url(database))
}

/// A start that must fail because of a setting.
async fn refusal(url: String) -> String {
    let error = SqlStore::connect(url.clone()).await.expect_err(&url);
    assert_eq!(error.kind(), ErrorKind::Config, "{url}: {error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_whose_authority_is_known_serves_by_tls() {
    let server = PostgresServer::with_tls();
    let database = server.database();
    let verified = format!("sslmode=verify-full&sslrootcert={}", server.ca().display());
    let builder = SqlStore::builder(postgres(&server, &database, &verified));
    let store = builder.events(EventSettings::new()).connect().await.unwrap();
    let mut subscription = store.subscribe(&Delivery::EveryNode).await.unwrap();
    subscription.woken().await;
    store.live_through().await;
    // One that listens, and the others.
    let encrypted = server.query(&database, ENCRYPTED);
    let (encrypted, plain) = encrypted.split_once('|').unwrap();
    assert!(encrypted.parse::<u32>().unwrap() >= 2 && plain == "0", "{encrypted} are encrypted, {plain} not");
}

#[tokio::test]
async fn a_mariadb_whose_authority_is_known_serves_by_tls() {
    let server = MariaDbServer::with_tls();
    let database = server.database();
    server.query(&format!("CREATE USER safe REQUIRE SSL; GRANT ALL ON {database}.* TO safe"));
    let url = server.url(&database).replace("session:session@", "safe@");
    assert!(refusal(format!("{url}?ssl-mode=DISABLED")).await.contains("Access denied"));
    let verified = format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", server.ca().display());
    SqlStore::connect(verified).await.unwrap().live_through().await;
}

#[tokio::test]
async fn a_server_whose_authority_is_unknown_is_refused() {
    let (server, other) = (PostgresServer::with_tls(), MariaDbServer::with_tls());
    let database = server.database();
    for parameters in [
        "sslmode=verify-full".to_owned(),
        "sslmode=verify-ca".to_owned(),
        format!("sslmode=verify-full&sslrootcert={}", other.ca().display()),
    ] {
        let message = refusal(postgres(&server, &database, &parameters)).await;
        assert!(message.contains("UnknownIssuer") || message.contains("BadSignature"), "{message}");
        assert!(message.contains("sslrootcert=/path/to/ca.pem"), "{message}");
    }
    let message = refusal(format!("{}?ssl-mode=VERIFY_IDENTITY", other.url(&other.database()))).await;
    assert!(message.contains("UnknownIssuer") && message.contains("MySQL: ssl-ca"), "{message}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_when_the_url_asks_for_it() {
    let server = PostgresServer::shared();
    for mode in ["require", "verify-ca", "verify-full"] {
        let message = refusal(postgres(&server, &server.database(), &format!("sslmode={mode}"))).await;
        assert!(message.contains("does not speak it: turn it on there"), "{message}");
    }
    let server = MariaDbServer::start_with(&["--skip-ssl"]);
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        let message = refusal(format!("{}?ssl-mode={mode}", server.url(&server.database()))).await;
        assert!(message.contains("does not speak it: turn it on there"), "{message}");
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_named_as_the_mistake() {
    let server = PostgresServer::with_tls();
    let database = server.database();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let url = postgres(&server, &database, &format!("sslmode=verify-full&sslrootcert={}", file.display()));
    let message = refusal(url.clone()).await;
    assert!(message.contains("a certificate's file that the store URL names cannot be read"), "{message}");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n").unwrap();
    let message = refusal(url).await;
    assert!(message.contains("certificates cannot be used"), "{message}");
}

/// What nobody has said, and the documentation has.
#[tokio::test]
async fn a_url_that_says_nothing_is_encrypted_where_the_server_offers_it() {
    let (with, without) = (PostgresServer::with_tls(), PostgresServer::shared());
    for (server, encrypted) in [(&with, "1|0"), (&*without, "0|1")] {
        let database = server.database();
        let store = SqlStore::connect(server.url(&database)).await.unwrap();
        assert_eq!(server.query(&database, ENCRYPTED), encrypted);
        drop(store);
    }
}
