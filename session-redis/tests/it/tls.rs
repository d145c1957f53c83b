//! Encrypted connections: whom both sides trust, and what is said when they do not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Error, ErrorKind, SessionStore};
use session_redis::{RedisStore, RedisStoreBuilder};
use session_testkit::{RedisCertificates, RedisCluster, RedisSentinel, RedisServer, RedisTls};

use crate::faults::to;
use crate::load::{Load, Loss};
use crate::support::{NOW, StoreExt as _, is, setting, web_server};

fn trusting(server: &RedisTls) -> RedisStoreBuilder {
    RedisStore::builder(server.url()).ca_certificate(std::fs::read(server.ca()).unwrap())
}

fn at(url: impl Into<String>, trusted: &RedisCertificates) -> RedisStoreBuilder {
    RedisStore::builder(url).ca_certificate(std::fs::read(trusted.ca()).unwrap())
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

/// Enough of them that each server of a Cluster has some.
async fn sessions_live_and_end(store: &RedisStore) {
    for _ in 0..64 {
        store.live_through().await;
    }
}

/// The server was used, and by nobody who did not come to its port for TLS.
fn is_used_by_tls_alone(server: &RedisServer) {
    assert!(server.counters().calls("evalsha") > 0);
    let port = format!(":{} ", server.tls_port().unwrap());
    let clients: String = server.query(&["CLIENT", "LIST", "TYPE", "normal"]);
    let others = clients.lines().filter(|client| !client.split("laddr=").nth(1).unwrap().contains(&port));
    let own = others.filter(|client| !client.contains("cmd=client"));
    assert_eq!(own.collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_lead_to_servers_that_speak_tls_also_after_a_failover() {
    let certificates = RedisCertificates::new();
    let group = Arc::new(RedisSentinel::with_tls(&certificates));
    let store = Arc::new(at(group.url(), &certificates).connect().await.unwrap());
    sessions_live_and_end(&store).await;
    is_used_by_tls_alone(group.primary());

    let requests = Load::start(Arc::clone(&store), Loss::Anything).await;
    let failing_over = to(&group, |group| {
        group.replicate();
        let killed = group.primary();
        killed.kill();
        group.wait_for_another(killed.port());
    });
    failing_over.await;
    requests.recovered().await;
    requests.stop().await;
    sessions_live_and_end(&store).await;
    is_used_by_tls_alone(group.primary());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_speaks_tls_also_after_a_failover() {
    let certificates = RedisCertificates::new();
    let cluster = Arc::new(RedisCluster::with_tls(&certificates));
    let store = Arc::new(at(cluster.url(), &certificates).connect().await.unwrap());
    sessions_live_and_end(&store).await;
    cluster.primaries().into_iter().for_each(is_used_by_tls_alone);

    let requests = Load::start(Arc::clone(&store), Loss::Changes).await;
    let failing_over = to(&cluster, |cluster| {
        cluster.replicate();
        let killed = cluster.primaries()[0];
        let replica = cluster.replica_of(killed);
        killed.kill();
        cluster.wait_until_primary(replica);
    });
    failing_over.await;
    requests.recovered().await;
    requests.stop().await;
    sessions_live_and_end(&store).await;
    cluster.primaries().into_iter().for_each(is_used_by_tls_alone);
}

/// They speak TLS with whoever comes, and send everybody to their ports without it.
#[tokio::test]
async fn servers_that_name_each_other_without_tls_are_told_as_such() {
    let certificates = RedisCertificates::new();
    let group = RedisSentinel::with_tls_for_clients_alone(&certificates);
    let error = refused(at(group.url(), &certificates)).await;
    is(&error, ErrorKind::Unavailable, "and speak TLS at this port?");
    is(&error, ErrorKind::Unavailable, "it is the Sentinels that named this address (`tls-replication yes`");

    let cluster = RedisCluster::with_tls_for_clients_alone(&certificates);
    let error = refused(at(cluster.url(), &certificates)).await;
    is(&error, ErrorKind::Unavailable, "and speak TLS at this port?");
    is(&error, ErrorKind::Unavailable, "it is the Cluster that named this address (`tls-cluster yes`");
}

/// The settings say a name, those who are asked by that name an IP address.
#[tokio::test]
async fn servers_that_are_named_otherwise_than_by_their_certificates_are_told_as_such() {
    let certificates = RedisCertificates::for_names(&["localhost"]);
    let group = RedisSentinel::with_tls(&certificates);
    is(
        &refused(at(group.url(), &certificates)).await,
        ErrorKind::Config,
        "to the Redis Sentinel at 127.0.0.1",
    );
    let error = refused(at(group.url().replace("127.0.0.1", "localhost"), &certificates)).await;
    is(&error, ErrorKind::Config, "to the Redis server at 127.0.0.1");
    is(&error, ErrorKind::Config, "its certificate is not trusted");
    is(&error, ErrorKind::Config, "it is the Sentinels that named this address");
    is(&error, ErrorKind::Config, "`sentinel announce-hostnames yes`");

    let cluster = RedisCluster::with_tls(&certificates);
    let error = refused(at(cluster.url().replace("127.0.0.1", "localhost"), &certificates)).await;
    is(&error, ErrorKind::Config, "its certificate is not trusted");
    is(&error, ErrorKind::Config, "it is the Cluster that named this address");
    is(&error, ErrorKind::Config, "`cluster-announce-hostname`");
    for server in cluster.servers() {
        server.query::<()>(&["CONFIG", "SET", "cluster-announce-hostname", "localhost"]);
        server.query::<()>(&["CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname"]);
    }
    // They tell each other within a moment.
    let begun = Instant::now();
    while let Err(error) = at(cluster.url().replace("127.0.0.1", "localhost"), &certificates).connect().await
    {
        assert!(begun.elapsed() < Duration::from_secs(30), "{error:?}");
    }
}
