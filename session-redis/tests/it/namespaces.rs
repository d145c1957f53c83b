//! Two applications on one server never see each other.

use session_core::{Created, Load, Saved, Select, SessionStore, Swapped, Taken};
use session_redis::RedisStore;
use session_testkit::{RedisCluster, RedisServer};

use crate::support::{NOW, StoreExt as _, counting, digest, namespace, op, setting};

async fn application(url: &str, namespace: &str) -> RedisStore {
    RedisStore::builder(url).namespace(namespace).connect().await.unwrap()
}

/// Whoever presents an id of the one to the other finds nothing, changes nothing and ends nothing; with the same
/// handle both have a session of their own.
async fn are_apart(one: &RedisStore, other: &RedisStore) {
    let id = one.begin().await;
    let renewal = other.capabilities().renewal.unwrap();
    assert_eq!(other.load(&id, Select::All, NOW).await.unwrap(), Load::Absent);
    other.touch(&id, NOW).await.unwrap();
    assert_eq!(other.save(&id, &setting("n", "1"), NOW).await.unwrap(), Saved::Absent);
    assert_eq!(other.rotate(&id, &digest(), &setting("n", "1"), NOW).await.unwrap(), Saved::Absent);
    renewal.renew(&id, &digest(), NOW).await.unwrap();
    assert_eq!(other.take(&id, "n", NOW).await.unwrap(), Taken::Absent);
    assert_eq!(other.replace_if(&id, "n", Some(b"0"), None, NOW).await.unwrap(), Swapped::Absent);
    assert_eq!(other.delete(&id, op(), NOW).await.unwrap(), Saved::Absent);
    other.end(id.handle(), op()).await.unwrap();
    assert_eq!(one.value(&id, "n").await.as_deref(), Some("0"));

    let id = other.begin().await;
    assert_eq!(one.create(&id, &counting(), NOW).await.unwrap(), Created::Created);
    assert_eq!(one.save(&id, &setting("n", "one"), NOW).await.unwrap(), Saved::Applied);
    assert_eq!(one.delete(&id, op(), NOW).await.unwrap(), Saved::Applied);
    assert_eq!(other.value(&id, "n").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn two_applications_on_one_server_are_apart() {
    let server = RedisServer::shared();
    let name = namespace();
    let (one, other) =
        (application(&server.url(), &name).await, application(&server.url(), &namespace()).await);
    are_apart(&one, &other).await;
    // One name may begin with the other.
    are_apart(&one, &application(&server.url(), &format!("{name}:sessions")).await).await;
}

#[tokio::test]
async fn two_applications_on_one_cluster_are_apart() {
    let cluster = RedisCluster::shared();
    let url = cluster.url();
    are_apart(&application(&url, &namespace()).await, &application(&url, &namespace()).await).await;
}

#[tokio::test]
async fn two_databases_are_apart() {
    let server = RedisServer::start();
    let in_database = |number| format!("{}/{number}", server.url());
    are_apart(&application(&in_database(1), "shop").await, &application(&in_database(2), "shop").await).await;
}
