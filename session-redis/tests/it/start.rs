//! What is wrong with the settings or the server shows at the start, in one error that says what to do.

use std::net::Ipv4Addr;
use std::time::Duration;

use session_core::{Delivery, Error, ErrorKind, EventSettings, Load, Saved, Select, SessionStore};
use session_redis::RedisStore;
use session_testkit::{RedisCluster, RedisSentinel, RedisServer, Stopwatch, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    NOW, StoreExt as _, connections, counting, digest, id, is, op, setting, store_at, web_server,
};

const PASSWORD: &str = "hunter2";

async fn refused(url: &str) -> Error {
    let error = RedisStore::connect(url).await.unwrap_err();
    for text in [error.to_string(), format!("{error:?}"), format!("{:?}", RedisStore::builder(url))] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    error
}

#[tokio::test]
async fn no_server_is_there() {
    let port = free_port();
    let error = refused(&format!("redis://:{PASSWORD}@127.0.0.1:{port}")).await;
    is(&error, ErrorKind::Unavailable, &format!("cannot reach the Redis server at 127.0.0.1:{port}"));
    is(&refused("redis://nowhere.invalid").await, ErrorKind::Unavailable, "nowhere.invalid:6379");
}

#[tokio::test]
async fn the_server_does_not_answer() {
    let server = RedisServer::start();
    server.stop();
    let begun = Stopwatch::start();
    is(&refused(&server.url()).await, ErrorKind::Unavailable, "did not answer in time");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn something_else_answers() {
    let port = web_server().await;
    is(&refused(&format!("redis://127.0.0.1:{port}")).await, ErrorKind::Config, "is no Redis server");
}

#[tokio::test]
async fn the_password_is_wrong_or_missing() {
    let server = RedisServer::start_with(&["--requirepass", "correct horse"]);
    let port = server.port();
    let wrong = refused(&format!("redis://:{PASSWORD}@127.0.0.1:{port}")).await;
    is(&wrong, ErrorKind::Config, "refuses the user or the password of the store's URL");
    let unknown = refused(&format!("redis://nobody:{PASSWORD}@127.0.0.1:{port}")).await;
    is(&unknown, ErrorKind::Config, "refuses the user or the password of the store's URL");
    is(&refused(&server.url()).await, ErrorKind::Config, "asks for a password");
    is(&refused(&format!("{}/3", server.url())).await, ErrorKind::Config, "asks for a password");

    let open = RedisServer::start();
    let needless = refused(&format!("redis://:{PASSWORD}@127.0.0.1:{}", open.port())).await;
    is(&needless, ErrorKind::Config, "refuses the user or the password of the store's URL");

    let right = format!("redis://:correct%20horse@127.0.0.1:{port}/3");
    let store = RedisStore::connect(&right).await.unwrap();
    store.begin().await;
    assert!(!format!("{store:?} {:?}", RedisStore::builder(right)).contains("horse"));
}

#[tokio::test]
async fn the_server_has_no_such_database() {
    let server = RedisServer::start();
    is(&refused(&format!("{}/99", server.url())).await, ErrorKind::Config, "has no database 99");
    is(&refused(&format!("{}/first", server.url())).await, ErrorKind::Config, "redis://[user:password@]host");
}

#[tokio::test]
async fn the_url_is_none() {
    for url in ["", "127.0.0.1:6379", "postgres://127.0.0.1", "redis://", "redis://0.0.0.0"] {
        is(&refused(url).await, ErrorKind::Config, "the store URL is not of the form redis://");
    }
    #[cfg(not(feature = "tls"))]
    is(&refused(&format!("rediss://:{PASSWORD}@127.0.0.1")).await, ErrorKind::Config, "the feature `tls`");
}

#[tokio::test]
async fn all_mistakes_are_told_at_once() {
    let builder = RedisStore::builder("redis://").namespace("a b").budget(Duration::ZERO);
    let error = builder.connect().await.unwrap_err();
    for words in ["URL", "namespace", "budget"] {
        is(&error, ErrorKind::Config, words);
    }
    let endless = RedisStore::builder("redis://127.0.0.1:1").budget(Duration::MAX).connect().await;
    is(&endless.unwrap_err(), ErrorKind::Config, "an hour");
    for namespace in ["", "{shop}", "shop*", "schön", "a\nb"] {
        let error =
            RedisStore::builder("redis://127.0.0.1:1").namespace(namespace).connect().await.unwrap_err();
        is(&error, ErrorKind::Config, "the namespace must be");
    }
}

#[tokio::test]
async fn the_server_is_a_replica() {
    let primary = RedisServer::start();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    is(&refused(&replica.url()).await, ErrorKind::ReadOnly, "point the store's URL at the primary");
}

#[tokio::test]
async fn the_server_becomes_a_replica_and_a_primary_again() {
    let other = RedisServer::start();
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    store.begin().await;
    server.query::<()>(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    let before = connections(&server);
    let error = store.create(&id(), &counting(), NOW).await.unwrap_err();
    is(&error, ErrorKind::ReadOnly, "read-only replica");
    let error = store.load(&id(), Select::All, NOW).await.unwrap_err();
    is(&error, ErrorKind::ReadOnly, "read-only replica");
    assert!(connections(&server) > before, "after a failover the same address leads to another server");
    server.query::<()>(&["REPLICAOF", "NO", "ONE"]);
    let id = store.begin().await;
    assert!(store.find(&id).await.is_some());
}

/// The permissions that the error names are enough for everything, and no others are asked for.
#[tokio::test]
async fn a_user_with_few_permissions_is_enough() {
    let server = RedisServer::start();
    let user = [
        "ACL",
        "SETUSER",
        "shop",
        "on",
        ">pw",
        "~session:*",
        "+@hash",
        "+@sortedset",
        "+@keyspace",
        "+@scripting",
        "+time",
    ];
    server.query::<()>(&user);
    let url = format!("redis://shop:pw@127.0.0.1:{}", server.port());
    let store = RedisStore::connect(&url).await.unwrap();
    let id = store.begin().await;
    let mut changes = setting("a", "1");
    changes.idle = Some(None);
    changes.touch = true;
    assert_eq!(store.save(&id, &changes, NOW).await.unwrap(), Saved::Applied);
    assert_eq!(store.save(&id, &setting("a", "2"), NOW).await.unwrap(), Saved::Applied);
    store.touch(&id, NOW).await.unwrap();
    store.take(&id, "a", NOW).await.unwrap();
    store.replace_if(&id, "n", Some(b"0"), None, NOW).await.unwrap();
    let new = digest();
    store.capabilities().renewal.unwrap().renew(&id, &new, NOW).await.unwrap();
    let shown = session_core::StoredId::new(*id.handle(), new);
    assert!(matches!(store.load(&shown, Select::Metadata, NOW).await.unwrap(), Load::Live { .. }));
    assert_eq!(store.rotate(&id, &new, &setting("b", "1"), NOW).await.unwrap(), Saved::Applied);
    assert_eq!(store.delete(&shown, op(), NOW).await.unwrap(), Saved::Applied);
    store.end(id.handle(), op()).await.unwrap();

    server.query::<()>(&["ACL", "SETUSER", "shop", "-@scripting"]);
    is(&refused(&url).await, ErrorKind::Config, "+@hash +@sortedset +@keyspace +@scripting +time");
}

/// A user with all permissions but one.
async fn refused_without(server: &RedisServer, permission: &str, keys: &str) -> Error {
    server.query::<()>(&["ACL", "SETUSER", "shop", "reset", "on", ">pw", "+@all", permission, keys]);
    refused(&format!("redis://shop:pw@127.0.0.1:{}", server.port())).await
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let server = RedisServer::start();
    for command in [
        "evalsha",
        "script",
        "time",
        "hgetall",
        "hmget",
        "hget",
        "hset",
        "hdel",
        "hexists",
        "pexpireat",
        "persist",
        "unlink",
        "zadd",
        "zscore",
        "zrem",
        "zcount",
        "zrange",
        "zrevrange",
        "zrangebyscore",
        "zrevrangebyscore",
    ] {
        let error = refused_without(&server, &format!("-{command}"), "~*").await;
        let words = format!("the Redis user may not use {}", command.to_uppercase());
        is(&error, ErrorKind::Config, &words);
        is(&error, ErrorKind::Config, "grant it what sessions need (+@hash");
    }
    let error = refused_without(&server, "+@all", "~other:*").await;
    is(&error, ErrorKind::Config, "may not access the keys of the namespace: grant it ~<namespace>:*");
}

#[tokio::test]
async fn a_permission_that_a_cluster_needs_is_named() {
    let cluster = RedisCluster::shared();
    for (permission, command) in [("-cluster", "CLUSTER"), ("-hset", "HSET"), ("-evalsha", "EVALSHA")] {
        for server in cluster.servers() {
            server.query::<()>(&["ACL", "SETUSER", command, "reset", "on", ">pw", "~*", "+@all", permission]);
        }
        let url = cluster.url().replace("://", &format!("://{command}:pw@"));
        is(&refused(&url).await, ErrorKind::Config, &format!("the Redis user may not use {command}"));
    }
}

#[tokio::test]
async fn what_listens_is_of_another_kind_than_the_url_says() {
    let server = RedisServer::start();
    let (cluster, group) = (RedisCluster::shared(), RedisSentinel::shared());
    let (alone, member) = (server.port(), cluster.servers()[0].port());
    let (sentinel, primary) = (group.sentinels()[0].port(), group.primary().port());
    for (url, words) in [
        (format!("redis://127.0.0.1:{member}"), "is part of a Cluster: write redis+cluster://"),
        (format!("redis+cluster://127.0.0.1:{alone}"), "is not part of a Cluster: write redis://"),
        (format!("redis+cluster://127.0.0.1:{sentinel}"), "is a Sentinel: write redis+sentinel://"),
        (format!("redis://127.0.0.1:{sentinel}"), "is a Sentinel: write redis+sentinel://"),
        (format!("redis+sentinel://127.0.0.1:{primary}/sessions"), "is no Sentinel: name the Sentinels"),
        (
            format!("redis+sentinel://127.0.0.1:{member}/sessions"),
            "is part of a Cluster: write redis+cluster://",
        ),
        (format!("redis+sentinel://127.0.0.1:{sentinel}/shop"), "monitor nothing under the name shop"),
    ] {
        is(&refused(&url).await, ErrorKind::Config, words);
    }
}

#[tokio::test]
async fn none_of_several_answers() {
    let port = free_port();
    let hosts = format!("127.0.0.1:{port},nowhere.invalid:{port}");
    let error = refused(&format!("redis+sentinel://shop:{PASSWORD}@{hosts}/sessions")).await;
    is(
        &error,
        ErrorKind::Unavailable,
        &format!("none of the Sentinels {} answers", hosts.replace(',', ", ")),
    );
    let error = refused(&format!("redis+cluster://shop:{PASSWORD}@{hosts}")).await;
    is(&error, ErrorKind::Unavailable, "cannot reach the Redis server at");
}

/// One of them is enough to find the others.
#[tokio::test]
async fn a_server_that_is_down_does_not_keep_a_store_from_starting() {
    let port = free_port();
    let (cluster, group) = (RedisCluster::shared(), RedisSentinel::shared());
    for url in [cluster.url(), group.url()] {
        let (scheme, hosts) = url.split_once("://").unwrap();
        let store = RedisStore::connect(format!("{scheme}://127.0.0.1:{port},{hosts}")).await.unwrap();
        assert!(store.find(&store.begin().await).await.is_some());
    }
}

/// A server without HELLO, as those before 6.0 are.
#[tokio::test]
async fn the_server_is_too_old() {
    let server = RedisServer::start_with(&["--rename-command", "HELLO", ""]);
    is(&refused(&server.url()).await, ErrorKind::Config, "is too old: sessions need version 6.2 or later");
    // One that knows no users refuses them for that reason.
    let url = format!("redis://user:{PASSWORD}@127.0.0.1:{}", server.port());
    is(&refused(&url).await, ErrorKind::Config, "is too old: sessions need version 6.2 or later");
}

/// One that has HELLO and says its age, as 6.0 does: a real server, whose answer is changed on the way.
#[tokio::test]
async fn the_server_is_too_old_by_its_own_words() {
    let server = RedisServer::start();
    let version = server.info("server", "redis_version").unwrap();
    let (said, told) = (format!("${}\r\n{version}\r\n", version.len()), "$6\r\n6.0.16\r\n");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).await.unwrap();
        let ((mut asks, mut hears), (mut answers, mut asked)) = (client.into_split(), server.into_split());
        tokio::spawn(async move { tokio::io::copy(&mut asks, &mut asked).await });
        let mut answer = vec![0; 65536];
        while let Ok(length @ 1..) = answers.read(&mut answer).await {
            // Each script's name is text, too, but nothing else is this number.
            let text = String::from_utf8(answer[..length].to_vec()).unwrap().replace(&said, told);
            hears.write_all(text.as_bytes()).await.unwrap();
        }
    });
    let error = refused(&format!("redis://127.0.0.1:{port}")).await;
    is(&error, ErrorKind::Config, "is too old (it is 6.0.16): sessions need version 6.2 or later");
}

#[tokio::test]
async fn a_setting_in_the_url_is_wrong() {
    for (setting, words) in [
        ("connections=many", "connections in the store URL: it is no number"),
        ("connections=0", "there must be at least one connection"),
        ("durability=hunter2", "durability in the store URL: it is `primary` or `replicated`"),
        ("hunter=2", "hunter in the store URL: there is no such setting"),
    ] {
        is(&refused(&format!("redis://127.0.0.1:1?{setting}")).await, ErrorKind::Config, words);
    }
    let builder = || RedisStore::builder("redis://127.0.0.1:1");
    for timeout in [Duration::ZERO, Duration::MAX] {
        for builder in [builder().connect_timeout(timeout), builder().response_timeout(timeout)] {
            let error = builder.connect().await.unwrap_err();
            is(&error, ErrorKind::Config, "a timeout must be longer than nothing, and an hour at most");
        }
    }
}

/// A Sentinel that asks for a password of its own.
#[tokio::test]
async fn the_sentinels_have_another_password_than_the_servers() {
    let group = RedisSentinel::start();
    for sentinel in group.sentinels() {
        sentinel.query::<()>(&["ACL", "SETUSER", "asks", "on", ">pw", "+@all"]);
        sentinel.query::<()>(&["ACL", "SETUSER", "default", "resetpass", ">other", "on"]);
    }
    is(
        &refused(&group.url()).await,
        ErrorKind::Config,
        "put it into the store's URL as its sentinel_password",
    );
    let url = format!("{}?sentinel_user=asks&sentinel_password=pw", group.url());
    RedisStore::connect(url).await.unwrap().begin().await;
    let builder = RedisStore::builder(group.url()).sentinel_credentials(None, "other");
    assert!(!format!("{builder:?}").contains("other"));
    builder.connect().await.unwrap().begin().await;
}

/// With events a few more, and those are tried, too.
#[tokio::test]
async fn a_user_needs_one_more_permission_for_events() {
    let server = RedisServer::start();
    let rights = ["~session:*", "+@hash", "+@sortedset", "+@keyspace", "+@scripting", "+time"];
    server.query::<()>(&[&["ACL", "SETUSER", "shop", "on", ">pw"], &rights[..]].concat());
    let url = format!("redis://shop:pw@127.0.0.1:{}", server.port());
    let connect = async || RedisStore::builder(&url).events(EventSettings::new()).connect().await;
    is(&connect().await.unwrap_err(), ErrorKind::Config, "may not use XRANGE: grant it what sessions need");

    server.query::<()>(&["ACL", "SETUSER", "shop", "+@stream"]);
    let store = connect().await.unwrap();
    let events = store.capabilities().events.unwrap();
    let mut all = events.subscribe(&Delivery::EveryNode).await.unwrap();
    let mut member = events.subscribe(&Delivery::one_of("mail")).await.unwrap();
    let id = store.begin().await;
    store.rotate(&id, &digest(), &setting("a", "1"), NOW).await.unwrap();
    store.end(id.handle(), op()).await.unwrap();
    store.capabilities().sweep.unwrap().sweep(100).await.unwrap();
    for subscription in [&mut all, &mut member] {
        let delivered = subscription.next(9).await.unwrap();
        assert_eq!(delivered.len(), 3);
        let receipts: Vec<_> = delivered.into_iter().map(|delivered| delivered.receipt).collect();
        subscription.acknowledge(&receipts).await.unwrap();
    }

    for command in
        ["xadd", "xgroup", "xreadgroup", "xpending", "xclaim", "xack", "xrevrange", "pttl", "pexpire"]
    {
        server.query::<()>(&[
            "ACL",
            "SETUSER",
            "shop",
            "reset",
            "on",
            ">pw",
            "+@all",
            "~*",
            &format!("-{command}"),
        ]);
        let words = format!("may not use {}", command.to_uppercase());
        is(&connect().await.unwrap_err(), ErrorKind::Config, &words);
        RedisStore::connect(&url).await.unwrap();
    }
}
