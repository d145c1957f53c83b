use std::sync::{Arc, Mutex};

use super::App;

/// A request to an application under test.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// The path, which names the handler's steps.
    pub path: String,
    /// Headers, as bytes: a client sends what it likes.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The answer of an application under test.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "adapters build it")]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// A request with these steps for the handler.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), headers: Vec::new() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// The same with the session cookie, if there is one.
    #[must_use]
    pub fn cookie(self, id: Option<&str>) -> Self {
        match id {
            Some(id) => self.header("cookie", format!("theme=dark; __Host-id={id}")),
            None => self,
        }
    }
}

impl Reply {
    /// All values of a header.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(it, _)| it == name).map(|(_, value)| &**value).collect()
    }

    /// The session id that the reply hands out.
    #[must_use]
    pub fn issued(&self) -> Option<String> {
        self.session_cookie().filter(|id| !id.is_empty())
    }

    /// Whether the reply takes the session cookie back.
    #[must_use]
    pub fn withdraws(&self) -> bool {
        self.session_cookie().is_some_and(|id| id.is_empty())
    }

    /// Whether the reply leaves the session cookie alone.
    #[must_use]
    pub fn leaves_the_cookie_alone(&self) -> bool {
        self.session_cookie().is_none()
    }

    fn session_cookie(&self) -> Option<String> {
        let mut values = self.all("set-cookie").into_iter().filter_map(|it| it.strip_prefix("__Host-id="));
        let value = values.next()?;
        assert!(values.next().is_none(), "two Set-Cookie of one name: {self:?}");
        Some(value.split(';').next().unwrap_or_default().to_owned())
    }
}

/// A client that keeps the session cookie as a browser does: each answer's `Set-Cookie`, in the order in which the
/// answers come.
#[derive(Clone)]
pub struct Browser {
    app: Arc<dyn App>,
    jar: Arc<Mutex<Option<String>>>,
}

impl Browser {
    /// A browser without cookies.
    #[must_use]
    pub fn new(app: Arc<dyn App>) -> Self {
        Self { app, jar: Arc::default() }
    }

    /// Another browser that knows this one's cookie as it is now: a second tab, or a thief.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { app: self.app.clone(), jar: Arc::new(Mutex::new(self.cookie())) }
    }

    /// The session cookie.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.jar.lock().unwrap().clone()
    }

    /// Sends a request with the cookie and keeps what comes back.
    pub async fn go(&self, path: &str) -> Reply {
        self.try_go(path).await.expect("an answer, not a panic")
    }

    /// The same, where the handler may panic.
    pub async fn try_go(&self, path: &str) -> Option<Reply> {
        let reply = self.app.call(Request::new(path).cookie(self.cookie().as_deref())).await?;
        if let Some(id) = reply.issued() {
            *self.jar.lock().unwrap() = Some(id);
        } else if reply.withdraws() {
            *self.jar.lock().unwrap() = None;
        }
        Some(reply)
    }

    /// Sends a request and leaves; the answer, when it comes, is kept.
    pub fn start(&self, path: &str) -> tokio::task::JoinHandle<Reply> {
        let (browser, path) = (self.clone(), path.to_owned());
        tokio::spawn(async move { browser.go(&path).await })
    }
}
