//! Where a value comes from: the attribute, the file for all, the file for the profile, the source over it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http_session::{Builder, Error, ErrorKind, Expiry, Explanation, Secret, session_config};
use proptest::prelude::*;

use crate::support::built;

/// A file in a folder of its own.
struct File {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn file(text: &str) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.toml");
    std::fs::write(&path, text).unwrap();
    File { path, _folder: folder }
}

type Source = Vec<(&'static str, String)>;

fn source<const N: usize>(settings: [(&'static str, &str); N]) -> Source {
    settings.map(|(name, text)| (name, text.to_owned())).into()
}

#[session_config(max_inactive = 10)]
struct Annotated;

fn explained(builder: Builder) -> Result<Explanation, Error> {
    builder.explain()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whichever of the four say something: the last of them is heard, and named.
    #[test]
    fn the_most_important_source_that_says_something_is_heard(
        annotated in any::<bool>(),
        default in proptest::option::of(1_u64..1_000_000),
        profile in proptest::option::of(1_u64..1_000_000),
        over in proptest::option::of(1_u64..1_000_000),
        spelling in 0_usize..4,
    ) {
        let name = ["max-inactive", "max_inactive", "maxInactive", "MAX-INACTIVE"][spelling];
        let line = |seconds: Option<u64>| seconds.map_or(String::new(), |it| format!("session.{name} = {it}"));
        let file = file(&format!("[default]\n{}\n[test]\n{}\n", line(default), line(profile)));
        let mut settings = source([("session.profile", "test")]);
        settings.extend(over.map(|seconds| ("session.max-inactive", seconds.to_string())));
        let builder = if annotated { Annotated::builder() } else { Builder::new() };
        let explained = explained(builder.source(settings).file(&file.path)).unwrap();

        let place = |line: u32| format!("session.max-inactive at {}:{line}", file.path.display());
        let (value, origin) = match (over, profile, default) {
            (Some(over), _, _) => (over.to_string(), "property session.max-inactive".to_owned()),
            (None, Some(profile), _) => (profile.to_string(), place(4)),
            (None, None, Some(default)) => (default.to_string(), place(2)),
            (None, None, None) if annotated => {
                ("10".to_owned(), explained.origin("session.max-inactive").unwrap().to_owned())
            }
            (None, None, None) => ("30m".to_owned(), "default".to_owned()),
        };
        prop_assert_eq!(explained.value("session.max-inactive"), Some(&*value));
        prop_assert_eq!(explained.origin("session.max-inactive"), Some(&*origin));
        prop_assert_eq!(origin.contains("#[session_config] at"), over.or(profile).or(default).is_none() && annotated);
    }

    /// However deep properties refer to one another, and from wherever to wherever.
    #[test]
    fn placeholders_nest_through_every_source(depth in 1_usize..20, value in "[a-z0-9]{1,20}", in_source in any::<u32>()) {
        let mut lines = BTreeMap::from([("default", String::new()), ("test", String::new())]);
        let (mut settings, mut names) = (source([("session.profile", "test")]), Vec::new());
        for at in 0..depth {
            // A value of the source over the file stands for itself: only the innermost can be there.
            let next = if at + 1 == depth { value.clone() } else { format!("${{no.such{at}:${{shop.p{}}}}}", at + 1) };
            let name: &'static str = Box::leak(format!("shop.p{at}").into_boxed_str());
            names.push(name);
            if at + 1 == depth && in_source.is_multiple_of(3) {
                settings.push((name, next));
            } else {
                let profile = if (in_source >> at).is_multiple_of(2) { "default" } else { "test" };
                lines.get_mut(profile).unwrap().push_str(&format!("{name} = '{next}'\n"));
            }
        }
        let text = format!("[default]\nsession.namespace = 'a-${{shop.p0}}'\n{}[test]\n{}", lines["default"], lines["test"]);
        let file = file(&text);
        let explained = explained(Builder::new().source(settings).file(&file.path)).unwrap();
        prop_assert_eq!(explained.value("session.namespace"), Some(&*format!("a-{value}")));
        let origin = explained.origin("session.namespace").unwrap();
        prop_assert!(names.iter().all(|name| origin.contains(name)), "{}", origin);
    }

    /// What is wrong with a password's property is told, and the password never.
    #[test]
    fn no_password_is_in_any_message_or_debug(
        password in "[!-~]{8,30}",
        property in 0_usize..5,
        in_file in any::<bool>(),
    ) {
        // A password that is a word of the message itself proves nothing.
        let password = format!("{password}§pw");
        let name = ["session.store", "session.max-inactive", "session.cookie.name", "session.flush", "redis.port"][property];
        let text = match name {
            "session.store" => format!("mongodb://user:{password}@host/{password}"),
            _ => format!("redis://{password}@host"),
        };
        let quoted = format!("'''{}'''", text.replace("'''", "").replace("${", ""));
        let file = file(&format!("[default]\n{}", if in_file { format!("{name} = {quoted}") } else { String::new() }));
        let settings = if in_file { Source::new() } else { vec![(name, text)] };
        let builder = WithFields::builder().source(settings).file(&file.path);
        let debug = format!("{builder:?}");
        let error = explained(builder).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::Config);
        for shown in [debug, error.to_string(), format!("{error:?}")] {
            prop_assert!(!shown.contains("§pw"), "{}", shown);
        }
    }
}

#[session_config(store = "redis://:{password}@{host}:{port}")]
struct WithFields {
    #[value("${redis.hostname:localhost}")]
    host: String,
    #[value("${redis.port:6379}")]
    port: u16,
    #[value("${redis.password:none}")]
    password: Secret,
}

#[tokio::test]
async fn without_a_profile_the_default_holds_and_without_a_file_the_annotation() {
    let file = file("[default]\nsession.max-inactive = '1h'\n[production]\nsession.max-inactive = '2h'");
    let nothing: [(&str, &str); 0] = [];
    let default = built(Builder::new().file(&file.path), nothing).await;
    assert_eq!(default.expiry(), Expiry::idle(Duration::from_secs(3600)).unwrap());
    let production = built(Builder::new().file(&file.path), [("session.profile", "production")]).await;
    assert_eq!(production.expiry(), Expiry::idle(Duration::from_secs(7200)).unwrap());
    let named = [("session.config", file.path.to_str().unwrap().to_owned())];
    let named = built(Builder::new().file("no-such-file.toml"), named).await;
    assert_eq!(named.expiry(), default.expiry(), "the source names another file");
    let none = built(Annotated::builder().file("no-such-file.toml"), nothing).await;
    assert_eq!(none.expiry(), Expiry::idle(Duration::from_secs(10)).unwrap());
}

#[test]
fn fields_are_read_from_the_file_too() {
    let file = file("[default.redis]\nhostname = 'cache'\nport = 7000\n[prod]\nredis.password = 'p}{w'");
    let path = file.path.to_str().unwrap();
    let settings = [("session.config", path), ("session.profile", "prod")];
    let read = WithFields::from_source(&settings).unwrap();
    assert_eq!((&*read.host, read.port, read.password.expose()), ("cache", 7000, "p}{w"));
}

#[test]
fn a_file_that_is_broken_is_an_error_and_all_of_it_is_told() {
    let explain = |text: &str, profile: &str| {
        let file = file(text);
        let settings = [("session.profile", profile.to_owned())];
        let error = explained(Annotated::builder().source(settings).file(&file.path)).unwrap_err();
        error.to_string().replace(file.path.to_str().unwrap(), "session.toml")
    };
    let wrong = "the configuration of Annotated is wrong:";
    assert_eq!(
        explain("[default]\nsession.store = redis\n", "default"),
        format!("{wrong} session.toml:2: not TOML: texts stand in quotes")
    );
    assert_eq!(
        explain("[default]\nsession.max-inactiv = 1\n[production]\nsession.touch = [1]\n", "prodution"),
        format!(
            "{wrong}
  - session.toml:2: there is no setting `session.max-inactiv` (did you mean `session.max-inactive`?)
  - session.toml:4: `session.touch` is a list, where a single value is asked for
  - property session.profile: there is no profile \"prodution\" in session.toml (did you mean `production`?)"
        )
    );
    let values = "[default]\nsession.max-inactive = 'soon'\nsession.cookie.same-site = 'sometimes'\n[test]\n\
                  session.namespace = 'the shop'\nsession.store = '${shop.url}'\n";
    assert_eq!(
        explain(values, "test"),
        format!(
            "{wrong}
  - session.max-inactive at session.toml:2: \"soon\" is not a duration: say seconds (1800), or a text like \"30m\", \
             \"1h30m\", \"500ms\", or \"never\"
  - session.store at session.toml:6: ${{shop.url}} has no value and no default: set the property shop.url or \
             shop.url in session.toml
  - session.namespace at session.toml:5: \"the shop\" is not a namespace: 1 to 100 letters, digits and -_.:/
  - session.cookie.same-site at session.toml:3: \"sometimes\" is none of \"Strict\", \"Lax\", \"None\""
        )
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let nothing: [(&str, &str); 0] = [];
    let error = Builder::new().source(nothing).file(folder.path()).explain().unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    let file = folder.path().join("session.toml");
    std::fs::write(&file, b"[default]\nname = '\xff'").unwrap();
    let error = Builder::new().source(nothing).file(file).explain().unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn an_explanation_is_a_table_of_what_holds_and_why() {
    let file =
        file("[default]\nsession.store = 'redis://:${redis.password}@cache/'\n[test]\nsession.touch = 0\n");
    let settings =
        [("session.profile", "test"), ("redis.password", "hunter2"), ("session.cookie.path", "/shop")];
    let explained = Annotated::builder().source(settings).file(&file.path).explain();
    if cfg!(not(feature = "redis")) {
        assert!(explained.unwrap_err().to_string().contains("turn on the feature `redis`"));
        return;
    }
    let explained = explained.unwrap();
    let text = explained.to_string().replace(file.path.to_str().unwrap(), "session.toml");
    let row = |property: &str| {
        let line = text.lines().find(|line| line.starts_with(property)).unwrap_or_default();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>()
    };
    assert!(
        text.starts_with("Annotated, by the source handed in, session.toml [test], session.toml [default]\n"),
        "{text}"
    );
    assert_eq!(
        row("session.store"),
        ["session.store", "redis://…@cache/", "session.store at session.toml:2 with property redis.password"]
    );
    assert_eq!(row("session.touch"), ["session.touch", "0", "session.touch at session.toml:4"]);
    assert_eq!(row("session.namespace"), ["session.namespace", "session", "default"]);
    assert_eq!(row("session.cookie.name"), ["session.cookie.name", "__Secure-id", "default"]);
    assert!(row("session.max-inactive")[2].starts_with("session.max-inactive in #[session_config] at "));
    assert!(row("session.header").is_empty(), "ids travel in a cookie");
    assert!(!text.contains("hunter2") && !format!("{explained:?}").contains("hunter2"));

    let absent = Annotated::builder().source(settings).file("no-such-file.toml").explain().unwrap();
    assert!(
        absent.to_string().starts_with("Annotated, by the source handed in, no-such-file.toml (not there)\n")
    );
}

/// SECURITY row 20.
#[test]
fn an_explanation_warns_where_nist_would() {
    let warned = |settings: &[(&'static str, &str)]| {
        let settings: Source = settings.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let explained = Builder::new().source(settings).explain().unwrap();
        let about = |warning: &String| {
            let (property, text) = warning.split_once(": ").unwrap();
            let level =
                ["every level", "AAL1", "AAL2", "AAL3"].into_iter().find(|level| text.contains(level));
            assert!(text.contains("NIST SP 800-63B-4"), "{text}");
            (property.to_owned(), level.unwrap_or("").to_owned())
        };
        explained.warnings().iter().map(about).collect::<Vec<_>>()
    };
    let pair = |property: &str, level: &str| (format!("session.{property}"), level.to_owned());
    assert_eq!(warned(&[("session.max-inactive", "15m"), ("session.max-lifetime", "12h")]), []);
    assert_eq!(warned(&[]), [pair("max-lifetime", "every level"), pair("max-inactive", "AAL3")]);
    assert_eq!(
        warned(&[("session.max-inactive", "61m"), ("session.max-lifetime", "31d")]),
        [
            pair("max-lifetime", "AAL1"),
            pair("max-lifetime", "AAL2"),
            pair("max-inactive", "AAL2"),
            pair("max-lifetime", "AAL3"),
            pair("max-inactive", "AAL3"),
        ]
    );
    let strict = [("session.max-inactive", "5m"), ("session.max-lifetime", "1h")];
    let cookie = [
        ("session.cookie.secure", "off"),
        ("session.cookie.http-only", "no"),
        ("session.cookie.max-age", "1d"),
    ];
    assert_eq!(
        warned(&[strict, [cookie[0], cookie[1]], [cookie[2], cookie[2]]].concat()),
        ["cookie.secure", "cookie.http-only", "cookie.name", "cookie.max-age"].map(|it| pair(it, ""))
    );
    assert_eq!(
        warned(&[strict, [("session.cookie.same-site", "None"); 2]].concat()),
        [pair("cookie.same-site", "")]
    );
}

/// What docs/spring.md says that one writes in place of `application.properties`.
#[test]
fn the_file_of_those_who_come_from_spring_is_right() {
    let page = include_str!("../../../docs/spring.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let file = file(rest.split("```").next().unwrap());
    for (profile, store) in [("default", "default"), ("test", "session.store at")] {
        let explained =
            Builder::new().source([("session.profile", profile)]).file(&file.path).explain().unwrap();
        assert!(explained.origin("session.store").unwrap().starts_with(store));
        for property in
            ["max-inactive", "namespace", "flush", "save", "cookie.name", "cookie.max-age", "cookie.base64"]
        {
            let property = format!("session.{property}");
            assert!(
                explained.origin(&property).unwrap().starts_with(&format!("{property} at ")),
                "{property}"
            );
        }
    }
}
