use std::sync::Arc;

use http_session::{Builder, SessionManager, Source};

/// The manager with these settings, which are right.
pub(crate) async fn built(builder: Builder, source: impl Source + 'static) -> Arc<SessionManager> {
    builder.source(source).build().await.unwrap()
}

/// The headers that hand out the id of a session that begins.
pub(crate) async fn issued(manager: &Arc<SessionManager>) -> Vec<(String, String)> {
    let session = manager.open([]);
    session.insert("a", &1).unwrap();
    let commit = manager.commit(&session, 200).await;
    assert!(commit.error.is_none(), "{commit:?}");
    commit.headers.into_iter().map(|header| (header.name.into_owned(), header.value.into_owned())).collect()
}

/// The cookie of a session that begins, with `…` for the id. Empty where none is set.
pub(crate) async fn cookie(manager: &Arc<SessionManager>) -> String {
    let headers = issued(manager).await;
    let cookie = headers.into_iter().find(|(name, _)| name == "set-cookie");
    let cookie = cookie.map(|(_, value)| value).unwrap_or_default();
    let Some((name, rest)) = cookie.split_once('=') else { return cookie };
    let attributes = rest.split_once(';').map_or("", |(_, attributes)| attributes);
    format!("{name}=…;{attributes}")
}
