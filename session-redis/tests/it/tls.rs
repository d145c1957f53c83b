//! Encrypted connections: whom both sides trust, and what is said when they do not.

use session_core::{Error, ErrorKind, SessionStore};
use session_redis::{RedisStore, RedisStoreBuilder};
use session_testkit::{RedisServer, RedisTls};

use crate::support::{NOW, StoreExt as _, is, setting, web_server};

fn trusting(server: &RedisTls) -> RedisStoreBuilder {
    RedisStore::builder(server.url()).ca_certificate(std::fs::read(server.ca()).unwrap())
}

fn presenting(server: &RedisTls, builder: RedisStoreBuilder) -> RedisStoreBuilder {
    let read = |path| std::fs::read(path).unwrap();
    builder.client_certificate(read(server.client()), read(server.client_key()))
}

async fn refused(builder: RedisStoreBuilder) -> Error {
    builder.connect().await.unwrap_err()
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority() {
    let server = RedisTls::start();
    let store = trusting(&server).connect().await.unwrap();
    let id = store.begin().await;
    store.save(&id, &setting("large", "a value of some length"), NOW).await.unwrap();
    assert_eq!(store.value(&id, "n").await.as_deref(), Some("0"));

    let by_name = server.url().replace("127.0.0.1", "localhost");
    let by_file = format!("{by_name}?cacert={}", server.ca().display());
    RedisStore::connect(by_file).await.unwrap().begin().await;
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_trusted() {
    let (server, other) = (RedisTls::start(), RedisTls::start());
    let words = "its certificate is not trusted";
    is(&refused(RedisStore::builder(server.url())).await, ErrorKind::Config, words);
    let mistaken = RedisStore::builder(server.url()).ca_certificate(std::fs::read(other.ca()).unwrap());
    is(&refused(mistaken).await, ErrorKind::Config, words);
    // It is called 127.0.0.1 and localhost.
    let by_another_name = server.url().replace("127.0.0.1", "127.0.0.2");
    let builder = RedisStore::builder(by_another_name).ca_certificate(std::fs::read(server.ca()).unwrap());
    let error = refused(builder).await;
    assert!([ErrorKind::Config, ErrorKind::Unavailable].contains(&error.kind()), "{error:?}");
}

#[tokio::test]
async fn a_server_asks_for_a_client_certificate() {
    let (server, other) = (RedisTls::with_client_certificates(), RedisTls::start());
    presenting(&server, trusting(&server)).connect().await.unwrap().begin().await;
    let url = format!(
        "{}?cacert={}&cert={}&key={}",
        server.url(),
        server.ca().display(),
        server.client().display(),
        server.client_key().display()
    );
    RedisStore::connect(url).await.unwrap().begin().await;

    is(&refused(trusting(&server)).await, ErrorKind::Config, "it asks for a client certificate");
    let stranger = presenting(&other, trusting(&server));
    is(&refused(stranger).await, ErrorKind::Config, "it refuses TLS as it is offered");
}

#[tokio::test]
async fn only_one_side_speaks_tls() {
    let server = RedisTls::start();
    let plain = RedisStore::builder(server.server().url().replace("redis:", "rediss:"));
    // It waits for the end of a line.
    is(&refused(plain).await, ErrorKind::Unavailable, "does it run, and speak TLS at this port?");
    let unaware = RedisStore::builder(server.url().replace("rediss:", "redis:"));
    is(&refused(unaware).await, ErrorKind::Unavailable, "does it speak TLS (rediss://)?");
}

#[tokio::test]
async fn something_else_answers() {
    let port = web_server().await;
    let builder = RedisStore::builder(format!("rediss://127.0.0.1:{port}"));
    is(&refused(builder).await, ErrorKind::Config, "it does not speak TLS at this port: redis:// instead");
}

#[tokio::test]
async fn what_is_no_certificate_is_told_at_the_start() {
    let url = "rediss://127.0.0.1:1";
    for (builder, words) in [
        (RedisStore::builder(url).ca_certificate("none"), "the certificate authority is no PEM"),
        (RedisStore::builder(url).client_certificate("none", "none"), "the client certificate is no PEM"),
        (
            RedisStore::builder(format!("{url}?cacert=/nowhere")),
            "cacert in the store URL: cannot read /nowhere",
        ),
        (
            RedisStore::builder(format!("{url}?key=/dev/null")),
            "a client certificate and its key are given together",
        ),
    ] {
        is(&refused(builder).await, ErrorKind::Config, words);
    }
}

#[tokio::test]
async fn a_server_without_tls_needs_no_certificates() {
    let server = RedisServer::start();
    RedisStore::builder(server.url()).connect().await.unwrap().begin().await;
}
