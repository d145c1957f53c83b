use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// What a store URL says.
#[derive(Clone)]
pub(crate) struct StoreUrl {
    pub(crate) servers: Servers,
    pub(crate) tls: bool,
    pub(crate) credentials: Credentials,
    pub(crate) database: i64,
    /// What stands behind the question mark.
    pub(crate) settings: Vec<(String, String)>,
}

/// Where the data lies, and who knows it.
#[derive(Clone, Debug)]
pub(crate) enum Servers {
    One(Address),
    Sentinels { sentinels: Vec<Address>, service: String },
    Cluster(Vec<Address>),
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// Who asks. It is never shown.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

const ONE: &str = "redis://[user:password@]host[:port][/database]";
const UNIX: &str = "redis+unix://[user:password@]/path/of/the/socket[?db=database]";
const SENTINELS: &str = "redis+sentinel://[user:password@]host[:port],host[:port]/service[/database]";
const CLUSTER: &str = "redis+cluster://[user:password@]host[:port],host[:port]";

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl StoreUrl {
    /// # Errors
    ///
    /// What is wrong with the URL, without anything of it that may be secret.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let not_of_the_form = |form, why| format!("the store URL is not of the form {form}: {why}");
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(not_of_the_form(ONE, "it has no `://`"));
        };
        let scheme = scheme.to_ascii_lowercase();
        let (protocol, topology) = scheme.split_once('+').unwrap_or((&scheme, ""));
        let tls = match protocol {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(not_of_the_form(ONE, "its scheme is another one")),
        };
        let (form, parse): (_, fn(&Parts<'_>) -> Parsed) = match topology {
            "" => (ONE, one),
            "unix" if tls => return Err(not_of_the_form(UNIX, "there is no TLS on a unix socket")),
            "unix" => (UNIX, unix),
            "sentinel" => (SENTINELS, sentinels),
            "cluster" => (CLUSTER, cluster),
            _ => return Err(not_of_the_form(ONE, "its scheme is another one")),
        };
        let parts = Parts::of(rest);
        let parsed = || {
            let (servers, database) = parse(&parts)?;
            let credentials = parts.user.map(credentials).transpose()?.unwrap_or_default();
            let mut settings = settings(parts.query)?;
            // A path that is a file's has no room for it.
            let db = settings.iter().position(|(name, _)| topology == "unix" && name == "db");
            let database = match db.map(|at| settings.remove(at)) {
                Some((_, text)) => number(&text)?,
                None => database,
            };
            Ok(Self { servers, tls, credentials, database, settings })
        };
        parsed().map_err(|why| not_of_the_form(form, why))
    }
}

/// Its servers and its database, or why it has none.
type Parsed = Result<(Servers, i64), &'static str>;

struct Parts<'u> {
    user: Option<&'u str>,
    hosts: &'u str,
    path: &'u str,
    query: &'u str,
}

impl<'u> Parts<'u> {
    fn of(rest: &'u str) -> Self {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        Self { user, hosts, path, query }
    }

    fn addresses(&self, port: u16) -> Result<Vec<Address>, &'static str> {
        self.hosts.split(',').map(|host| address(host, port)).collect()
    }
}

fn one(parts: &Parts<'_>) -> Parsed {
    match &parts.addresses(REDIS_PORT)?[..] {
        [address] => Ok((Servers::One(address.clone()), database(parts.path)?)),
        _ => Err("it names several hosts (of Sentinels: redis+sentinel://, of a Cluster: redis+cluster://)"),
    }
}

fn unix(parts: &Parts<'_>) -> Parsed {
    if !parts.hosts.is_empty() || parts.path.is_empty() {
        return Err("what follows the `://` is no absolute path");
    }
    let path = format!("/{}", decoded(parts.path)?);
    Ok((Servers::One(Address::Unix(PathBuf::from(path))), 0))
}

fn sentinels(parts: &Parts<'_>) -> Parsed {
    let sentinels = parts.addresses(SENTINEL_PORT)?;
    let (service, database_text) = parts.path.split_once('/').unwrap_or((parts.path, ""));
    if service.is_empty() {
        return Err("it does not name the service: the name that the Sentinels monitor the master under");
    }
    Ok((Servers::Sentinels { sentinels, service: decoded(service)? }, database(database_text)?))
}

fn cluster(parts: &Parts<'_>) -> Parsed {
    match database(parts.path)? {
        0 => Ok((Servers::Cluster(parts.addresses(REDIS_PORT)?), 0)),
        _ => Err("a Cluster has no database but 0"),
    }
}

fn database(path: &str) -> Result<i64, &'static str> {
    if path.is_empty() { Ok(0) } else { number(path) }
}

fn number(text: &str) -> Result<i64, &'static str> {
    let number = text.parse::<u16>();
    number.map(i64::from).map_err(|_| "the database is no number")
}

fn credentials(text: &str) -> Result<Credentials, &'static str> {
    let (user, password) = text.split_once(':').ok_or("there is a user without a password")?;
    let user = Some(decoded(user)?).filter(|user| !user.is_empty());
    Ok(Credentials { user, password: Some(decoded(password)?) })
}

fn settings(query: &str) -> Result<Vec<(String, String)>, &'static str> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or("a setting behind its `?` has no `=`")?;
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, &'static str> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from).map_err(|_| "something in it is not UTF-8 when it is decoded")
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn address(text: &str, default_port: u16) -> Result<Address, &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(text) => text.split_once(']').ok_or("a `[` is not closed")?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => {
            port.parse().map_err(|_| "a port is no number (encode what is special in a password)")?
        }
        None if port.is_empty() => default_port,
        None => return Err("behind a `]` there is no port"),
    };
    let host = decoded(host)?;
    if host.is_empty() {
        return Err("it names no host");
    }
    if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
        return Err("one listens at 0.0.0.0, and connects to another address");
    }
    Ok(Address::Tcp(host, port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(address) => write!(f, "{address}"),
            Self::Sentinels { sentinels, service } => {
                write!(f, "{service} by the Sentinels {}", listed(sentinels))
            }
            Self::Cluster(addresses) => write!(f, "the Cluster of {}", listed(addresses)),
        }
    }
}

pub(crate) fn listed(addresses: &[Address]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(url: &str) -> (String, bool, i64) {
        let url = StoreUrl::parse(url).unwrap_or_else(|why| panic!("{url}: {why}"));
        (url.servers.to_string(), url.tls, url.database)
    }

    #[test]
    fn every_topology_has_its_scheme() {
        for (url, servers, tls, database) in [
            ("redis://h", "h:6379", false, 0),
            ("redis://h:1/", "h:1", false, 0),
            ("valkey://u:p@h:1/3", "h:1", false, 3),
            ("REDISS://[::1]:7/2", "[::1]:7", true, 2),
            ("valkeys://:p@[fe80::1]", "[fe80::1]:6379", true, 0),
            ("redis+unix:///run/redis%20a/s.sock", "/run/redis a/s.sock", false, 0),
            ("valkey+unix://u:p@/s?db=4", "/s", false, 4),
            (
                "redis+sentinel://a,b:2,[::1]/shop/5",
                "shop by the Sentinels a:26379, b:2, [::1]:26379",
                false,
                5,
            ),
            ("valkeys+sentinel://a/shop", "shop by the Sentinels a:26379", true, 0),
            ("rediss+cluster://u:p@a:1,b", "the Cluster of a:1, b:6379", true, 0),
            ("valkey+cluster://a/0", "the Cluster of a:6379", false, 0),
        ] {
            assert_eq!(parsed(url), (servers.to_owned(), tls, database), "{url}");
        }
    }

    #[test]
    fn user_password_and_settings_are_decoded() {
        let url = StoreUrl::parse("redis://us%40er:p%2F%3A:@w%25@h?a=%2Fx&b=y").unwrap();
        assert_eq!(url.credentials.user.as_deref(), Some("us@er"));
        assert_eq!(url.credentials.password.as_deref(), Some("p/::@w%"));
        assert_eq!(url.settings, [("a".to_owned(), "/x".to_owned()), ("b".to_owned(), "y".to_owned())]);
    }

    #[test]
    fn what_is_wrong_is_told_without_what_it_says() {
        for (url, why) in [
            ("redis:hunter2", "it has no `://`"),
            ("hunter2://h", "its scheme is another one"),
            ("redis+hunter2://h", "its scheme is another one"),
            ("rediss+unix:///s", "there is no TLS on a unix socket"),
            ("redis://", "it names no host"),
            ("redis://hunter2@h", "there is a user without a password"),
            ("redis://:hunt/er2@h", "a port is no number"),
            ("redis://h:hunter2", "a port is no number"),
            ("redis://h/hunter2", "the database is no number"),
            ("redis://h/-1", "the database is no number"),
            ("redis://[::1", "a `[` is not closed"),
            ("redis://[::1]hunter2", "behind a `]` there is no port"),
            ("redis://0.0.0.0", "connects to another address"),
            ("redis://a,b", "it names several hosts"),
            ("redis://a?hunter2", "has no `=`"),
            ("redis://:%ff@a", "is not UTF-8"),
            ("redis+unix://hunter2/s", "is no absolute path"),
            ("redis+unix://", "is no absolute path"),
            ("redis+sentinel://a", "it does not name the service"),
            ("redis+sentinel://a,/shop", "it names no host"),
            ("redis+cluster://a/1", "a Cluster has no database but 0"),
        ] {
            let Err(told) = StoreUrl::parse(url) else { panic!("{url} is none") };
            assert!(told.contains(why), "{url}: {told}");
            assert!(!told.contains("hunter2"), "{url}: {told}");
        }
    }
}
