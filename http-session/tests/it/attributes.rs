//! `#[derive(SessionAttributes)]`, and keys.

use std::sync::Arc;

use http_session::{
    Error, ErrorKind, Key, LazySession, Limits, MemoryStore, Session, SessionAttributes, SessionManager,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_testkit::{Operation, SpyStore};

/// A user in a browser, with a store that is watched.
struct World {
    spy: Arc<SpyStore>,
    manager: Arc<SessionManager>,
    cookie: std::sync::Mutex<String>,
}

impl World {
    fn new() -> Self {
        let mut limits = Limits::default();
        limits.attribute_bytes = 200;
        let spy = Arc::new(SpyStore::new(Arc::new(MemoryStore::new())));
        let manager = SessionManager::builder(spy.clone()).limits(limits).build().unwrap();
        Self { spy, manager, cookie: std::sync::Mutex::default() }
    }

    /// A request of the user's; the answer's error, if it became one.
    async fn request<R>(&self, handler: impl AsyncFnOnce(LazySession) -> R) -> (R, Option<Error>) {
        let cookie = self.cookie.lock().unwrap().clone();
        let session = self.manager.open([("cookie", cookie.as_bytes())]);
        let result = handler(session.clone()).await;
        let commit = self.manager.commit(&session, 200).await;
        if let Some(header) = commit.headers.iter().find(|header| header.name == "set-cookie") {
            *self.cookie.lock().unwrap() = header.value.split(';').next().unwrap().to_owned();
        }
        (result, commit.error)
    }

    /// A request that goes well.
    async fn ok<R>(&self, handler: impl AsyncFnOnce(LazySession) -> R) -> R {
        let (result, error) = self.request(handler).await;
        assert!(error.is_none(), "{error:?}");
        result
    }

    async fn names(&self) -> Vec<String> {
        let names = self.ok(async |session| session.load().await.unwrap().names()).await;
        drop(self.spy.reset());
        names.iter().map(|name| (**name).to_owned()).collect()
    }
}

#[derive(SessionAttributes)]
#[attributes(prefix = "cart")]
struct Cart {
    #[attribute(default)]
    items: Vec<u32>,
    #[attribute(default = "EUR".to_owned(), name = "cur")]
    currency: String,
    coupon: Option<String>,
    #[attribute(skip)]
    cached: u32,
    #[attribute(skip, default = 7)]
    seven: u32,
}

#[tokio::test]
async fn attributes_are_loaded_together_and_written_one_by_one() {
    let world = World::new();
    world
        .ok(async |session| {
            let mut cart = session.load_as::<Cart>().await.unwrap();
            assert_eq!((&*cart.items, &*cart.currency, &cart.coupon), (&[][..], "EUR", &None));
            assert_eq!((cart.cached, cart.seven), (0, 7));
            let mut edit = cart.edit();
            edit.items.push(1);
            *edit.cached = 3;
            drop(edit);
            assert_eq!((cart.items.len(), cart.cached), (1, 3));
        })
        .await;
    assert_eq!(world.names().await, ["cart.items"], "nobody touched the others, and one is not stored");

    world
        .ok(async |session| {
            session.insert("other", &"untouched").unwrap();
            let mut cart = session.load_as::<Cart>().await.unwrap();
            assert_eq!((&*cart.items, cart.cached), (&[1][..], 0));
            let mut edit = cart.edit();
            *edit.coupon = Some("TEA".into());
            edit.currency.push('!');
            assert_eq!(edit.items.len(), 1, "read, not touched");
        })
        .await;
    assert_eq!(world.spy.reset(), [Operation::Load, Operation::Save], "one round trip each way");
    assert_eq!(world.names().await, ["cart.coupon", "cart.cur", "cart.items", "other"]);

    world.ok(async |session| *session.load_as::<Cart>().await.unwrap().edit().coupon = None).await;
    assert_eq!(world.names().await, ["cart.cur", "cart.items", "other"], "`None` is not there");
}

#[tokio::test]
async fn a_field_that_was_only_read_is_not_written_back() {
    let world = World::new();
    world.ok(async |session| session.insert("cart.items", &[1]).unwrap()).await;
    world
        .ok(async |session| {
            let mut cart = session.load_as::<Cart>().await.unwrap();
            // Another request, meanwhile.
            world.ok(async |other| other.insert("cart.items", &[1, 2]).unwrap()).await;
            let edit = cart.edit();
            assert_eq!(edit.items.len(), 1);
            drop(edit);
            cart.edit().currency.push('?');
        })
        .await;
    let items = world.ok(async |session| session.fetch::<Vec<u32>>("cart.items").await.unwrap()).await;
    assert_eq!(items, Some(vec![1, 2]));
    drop(world.spy.reset());
    world.ok(async |session| session.load_as::<Cart>().await.unwrap().items.len()).await;
    assert_eq!(world.spy.reset(), [Operation::Load], "a request that changes nothing writes nothing");
}

#[derive(SessionAttributes)]
struct UserProfile {
    name: String,
    #[attribute(default)]
    age: u8,
}

#[tokio::test]
async fn what_is_missing_or_of_another_type_is_an_error_that_names_it() {
    let world = World::new();
    let load = async || world.ok(async |session| session.load_as::<UserProfile>().await.map(drop)).await;
    let missing = load().await.unwrap_err();
    assert_eq!((missing.kind(), missing.status()), (ErrorKind::Missing, 409));
    assert!(missing.to_string().contains("\"user_profile.name\""), "{missing}");

    world.ok(async |session| session.insert("user_profile.name", "ann").unwrap()).await;
    load().await.unwrap();
    world.ok(async |session| session.insert("user_profile.age", "hunter2").unwrap()).await;
    let undecodable = load().await.unwrap_err();
    assert_eq!(undecodable.kind(), ErrorKind::Undecodable);
    assert!(!format!("{undecodable:?}").contains("hunter2"));
}

#[derive(SessionAttributes)]
#[attributes(prefix = "")]
struct Flash {
    #[attribute(one_time)]
    message: Option<String>,
    /// Of no use here, but it must be readable.
    #[attribute(default)]
    strict: u32,
}

#[tokio::test]
async fn a_one_time_attribute_is_handed_to_one_request() {
    let world = World::new();
    let show = async |session: LazySession| session.load_as::<Flash>().await.unwrap().message.clone();
    let say = async |session: LazySession| {
        *session.load_as::<Flash>().await.unwrap().edit().message = Some("saved".into());
    };
    assert_eq!(world.ok(show).await, None);
    world.ok(say).await;
    drop(world.spy.reset());
    assert_eq!(world.ok(show).await.as_deref(), Some("saved"));
    assert_eq!(world.spy.reset(), [Operation::Load, Operation::Take]);
    assert_eq!(world.ok(show).await, None);
    assert_eq!(world.spy.reset(), [Operation::Load], "what is not there is not taken");

    world.ok(say).await;
    world.ok(say).await;
    assert_eq!(world.ok(show).await.as_deref(), Some("saved"), "taken and said anew, with the same words");

    world.ok(say).await;
    world.ok(async |session| session.insert("strict", "no number").unwrap()).await;
    let failed = world.ok(async |session| session.load_as::<Flash>().await.map(drop)).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Undecodable);
    world.ok(async |session| session.remove("strict").unwrap()).await;
    assert_eq!(world.ok(show).await.as_deref(), Some("saved"), "what cannot be read takes nothing");
}

#[tokio::test]
async fn a_change_that_cannot_be_taken_makes_the_answer_that_error() {
    let world = World::new();
    let large = "x".repeat(1000);
    let (_, error) = world
        .request(async |session| {
            let mut cart = session.load_as::<Cart>().await.unwrap();
            let mut edit = cart.edit();
            edit.items.push(1);
            edit.currency.push_str(&large);
        })
        .await;
    assert_eq!(error.unwrap().kind(), ErrorKind::TooLarge);
    assert_eq!(world.names().await, [""; 0], "nothing of it is written");

    let told = world
        .ok(async |session| {
            let mut cart = session.load_as::<Cart>().await.unwrap();
            let mut edit = cart.edit();
            edit.currency.push_str(&large);
            edit.currency.store()
        })
        .await;
    assert_eq!(told.unwrap_err().kind(), ErrorKind::TooLarge, "and who asks is told at once");
}

#[derive(SessionAttributes)]
#[attributes(prefix = "page")]
struct Page<T, const N: usize>
where
    T: Default + 'static,
{
    #[attribute(default)]
    value: T,
    maybe: Option<T>,
    #[attribute(skip)]
    name: std::marker::PhantomData<[u8; N]>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filter {
    word: String,
}

#[tokio::test]
async fn a_struct_may_be_generic() {
    async fn set<T: Default + Serialize + DeserializeOwned + 'static>(session: LazySession, value: T) {
        let mut page = session.load_as::<Page<T, 3>>().await.unwrap();
        assert!(page.maybe.is_none());
        *page.edit().value = value;
        let _ = page.name;
    }
    let world = World::new();
    let filter = Filter { word: "tea".into() };
    world.ok(async |session| set(session, filter.clone()).await).await;
    let read =
        world.ok(async |session| session.load_as::<Page<Filter, 3>>().await.unwrap().into_inner()).await;
    assert_eq!(read.value, filter);
}

const VISITS: Key<u32> = Key::new("visits");

#[tokio::test]
async fn a_key_is_a_name_with_a_type() {
    let world = World::new();
    async fn visit(session: &Session) -> http_session::Result<u32> {
        VISITS.update(session, |visits| *visits += 1)?;
        Ok(VISITS.get(session)?.unwrap_or_default())
    }
    assert_eq!(world.ok(async |session| visit(&session.load().await.unwrap()).await.unwrap()).await, 1);
    world.ok(async |session| VISITS.insert(&session, &41).unwrap()).await;
    assert_eq!(world.ok(async |session| VISITS.fetch(&session).await.unwrap()).await, Some(41));
    let added = world.ok(async |session| VISITS.modify(&session, |it| it.unwrap_or(0) + 1).await).await;
    assert_eq!(added.unwrap(), 42);
    assert_eq!(world.ok(async |session| VISITS.take(&session).await.unwrap()).await, Some(42));
    world.ok(async |session| VISITS.insert(&session, &1).unwrap()).await;
    world.ok(async |session| VISITS.remove(&session).unwrap()).await;
    assert_eq!(world.names().await, [""; 0]);
    assert_eq!((VISITS.name(), format!("{VISITS:?}")), ("visits", "Key(\"visits\")".to_owned()));
}

#[tokio::test]
async fn no_debug_shows_a_value() {
    let world = World::new();
    world
        .ok(async |session| {
            session.insert("user_profile.name", "hunter2").unwrap();
            let mut profile = session.load_as::<UserProfile>().await.unwrap();
            let mut shown = format!("{profile:?}");
            let edit = profile.edit();
            shown.push_str(&format!("{:?}", edit.name));
            assert!(!shown.contains("hunter2") && shown.contains("user_profile.name"), "{shown}");
        })
        .await;
}

#[cfg(feature = "axum")]
mod extractors {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use http_session::Builder;
    use http_session::axum::{Attributes, Result, SessionLayer};
    use tower::ServiceExt as _;

    use super::{Cart, UserProfile};

    async fn add(mut cart: Attributes<Cart>) -> Result<String> {
        cart.edit().items.push(1);
        let mut profile = cart.session().load_as::<UserProfile>().await;
        if let Err(error) = &profile {
            assert_eq!(error.kind(), http_session::ErrorKind::Missing);
            cart.session().insert("user_profile.name", "ann")?;
            profile = cart.session().load_as().await;
        }
        Ok(format!("{} {}", profile?.name, cart.items.len()))
    }

    async fn name(profile: Attributes<UserProfile>) -> String {
        profile.name.clone()
    }

    async fn perhaps(profile: Option<Attributes<UserProfile>>) -> String {
        profile.map_or_else(|| "nobody".to_owned(), |profile| profile.name.clone())
    }

    async fn too_large(mut cart: Attributes<Cart>) {
        cart.edit().currency.push_str(&"x".repeat(2 << 20));
    }

    #[tokio::test]
    async fn a_struct_of_attributes_is_an_extractor() {
        let nothing: [(&str, &str); 0] = [];
        let manager = Builder::new().source(nothing).build().await.unwrap();
        let routes = Router::new()
            .route("/add", get(add))
            .route("/name", get(name))
            .route("/perhaps", get(perhaps))
            .route("/too-large", get(too_large));
        let app = routes.layer(SessionLayer::new(manager));
        let go = async |path: &str, cookie: &str| {
            let request = Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            let cookie = response.headers().get("set-cookie").map(|it| it.to_str().unwrap().to_owned());
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
            (status, cookie, String::from_utf8(body.to_vec()).unwrap())
        };
        assert_eq!(go("/name", "").await.0, StatusCode::CONFLICT);
        assert_eq!(go("/perhaps", "").await.2, "nobody");
        assert_eq!(go("/too-large", "").await.0, StatusCode::PAYLOAD_TOO_LARGE);
        let (status, cookie, body) = go("/add", "").await;
        assert_eq!((status, &*body), (StatusCode::OK, "ann 1"));
        let cookie = cookie.unwrap();
        let cookie = cookie.split(';').next().unwrap();
        assert_eq!(go("/add", cookie).await.2, "ann 2");
        assert_eq!(go("/name", cookie).await.2, "ann");
        assert_eq!(go("/perhaps", cookie).await.2, "ann");
    }
}
