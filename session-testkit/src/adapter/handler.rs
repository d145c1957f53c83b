use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use session_core::{DetachedSession, LazySession, Result};
use tokio::sync::Barrier;

/// The one handler that every adapter mounts: it carries out the steps that the request's path names, such as
/// `/load;get=a;insert=a:1;status=404`, and answers what the steps said, joined by commas.
///
/// A step that fails ends it, as `?` ends a handler; `try-…` goes on.
#[derive(Clone, Default)]
pub struct Handler {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    gates: Mutex<HashMap<String, Arc<Barrier>>>,
    kept: Mutex<Vec<LazySession>>,
    detached: Mutex<Vec<DetachedSession>>,
}

/// What the handler answers.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The status; the adapter also sets the header `x-handler: ran`.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Handler {
    /// Carries out the steps of a path.
    ///
    /// # Errors
    ///
    /// That of the first step that fails.
    pub async fn run(&self, session: LazySession, path: &str) -> Result<Outcome> {
        let mut outcome = Outcome { status: 200, body: String::new() };
        for step in path.trim_start_matches('/').split(';').filter(|step| !step.is_empty()) {
            let (verb, argument) = step.split_once('=').unwrap_or((step, ""));
            let said = match verb.strip_prefix("try-") {
                Some(verb) => self
                    .step(&session, verb, argument)
                    .await
                    .unwrap_or_else(|error| format!("{:?}", error.kind())),
                None if verb == "status" => {
                    outcome.status = argument.parse().expect("a status");
                    continue;
                }
                None => self.step(&session, verb, argument).await?,
            };
            if !said.is_empty() {
                outcome.body += if outcome.body.is_empty() { "" } else { "," };
                outcome.body += &said;
            }
        }
        Ok(outcome)
    }

    async fn step(&self, session: &LazySession, verb: &str, argument: &str) -> Result<String> {
        let (name, value) = argument.split_once(':').unwrap_or((argument, ""));
        let nothing = Ok(String::new());
        match verb {
            "load" => session.load().await.map(|_| String::new()),
            "get" => Ok(session.load().await?.get::<String>(name)?.unwrap_or("-".into())),
            "get-number" => Ok(session.load().await?.get::<u64>(name)?.map_or("-".into(), |n| n.to_string())),
            "fetch" => Ok(session.fetch::<String>(name).await?.unwrap_or("-".into())),
            "only" => {
                let part = session.load_only(&name.split('+').collect::<Vec<_>>()).await?;
                Ok(part.get::<String>(value)?.unwrap_or("-".into()))
            }
            "only-contains" => {
                let part = session.load_only(&name.split('+').collect::<Vec<_>>()).await?;
                Ok(part.contains(value)?.to_string())
            }
            "only-update" => {
                let part = session.load_only(&[name]).await?;
                part.update(name, |count: &mut u64| *count += 1).and(nothing)
            }
            "only-whose" => {
                let part = session.load_only(&[]).await?;
                Ok(part.principal().map_or_else(|| part.exists().to_string(), |it| it.to_string()))
            }
            "contains" => Ok(session.load().await?.contains(name).to_string()),
            "names" => Ok(session.load().await?.names().join("+")),
            "exists" => Ok(session.load().await?.exists().to_string()),
            "is-new" => Ok(session.load().await?.is_new().to_string()),
            "created" => {
                Ok(session.load().await?.created_at().map_or("-".into(), |at| at.as_millis().to_string()))
            }
            "accessed" => Ok(session
                .load()
                .await?
                .last_accessed_at()
                .map_or("-".into(), |at| at.as_millis().to_string())),
            "idle" => Ok(session
                .load()
                .await?
                .idle_timeout()
                .map_or("-".into(), |idle| idle.as_millis().to_string())),
            "ends" => Ok(session.load().await?.ends_at().map_or("-".into(), |at| at.as_millis().to_string())),
            "principal" => Ok(session.load().await?.principal().map_or("-".into(), |it| it.to_string())),
            "handle" => Ok(session.load().await?.handle().map_or("-".into(), |it| it.to_string())),
            "is-gone" => Ok(session.is_gone().to_string()),
            "insert" => session.insert(name, value).and(nothing),
            "insert-number" => session.insert(name, &value.parse::<u64>().expect("a number")).and(nothing),
            "insert-large" => session.insert(name, &"x".repeat(value.parse().expect("a size"))).and(nothing),
            "remove" => session.remove(name).and(nothing),
            "update" => session.load().await?.update(name, |count: &mut u64| *count += 1).and(nothing),
            "set-idle" => {
                let idle = std::time::Duration::from_millis(argument.parse().expect("milliseconds"));
                session.set_idle_timeout(Some(idle)).and(nothing)
            }
            "take" => Ok(session.take::<String>(name).await?.unwrap_or("-".into())),
            "drop-take" => {
                tokio::select! {
                    biased;
                    taken = session.take::<String>(name) => panic!("the store was to hang: {taken:?}"),
                    () = std::future::ready(()) => nothing,
                }
            }
            "add" => Ok(session.modify(name, |count: Option<u64>| count.unwrap_or(0) + 1).await?.to_string()),
            "save" => session.save().await.and(nothing),
            "rotate" => session.rotate().await.and(nothing),
            "sign-in" => session.sign_in(argument).await.and(nothing),
            "sign-in-once" => {
                let limit = session_core::SessionLimit::reject(1)?;
                session.sign_in_limited(argument, limit).await.and(nothing)
            }
            "revoke-others" => Ok(session.revoke_others().await?.to_string()),
            "invalidate" => session.invalidate().await.and(nothing),
            "meet" => {
                self.meet(argument).await;
                nothing
            }
            "keep" => {
                self.shared.kept.lock().unwrap().push(session.clone());
                nothing
            }
            "detach" => {
                let detached = session.detach().await?;
                self.shared.detached.lock().unwrap().push(detached);
                nothing
            }
            "panic" => panic!("the handler panics, as it was told to"),
            "hang" => std::future::pending().await,
            _ => panic!("the handler knows no step {verb:?}"),
        }
    }

    /// Makes `meet=name` wait until `parties` have come: requests, or the test itself.
    pub fn gate(&self, name: &str, parties: usize) {
        self.shared.gates.lock().unwrap().insert(name.into(), Arc::new(Barrier::new(parties)));
    }

    /// Comes to a gate, and goes on when all have.
    pub async fn meet(&self, name: &str) {
        let gate = self.shared.gates.lock().unwrap().get(name).expect("a gate of this name").clone();
        gate.wait().await;
    }

    /// The session that the last `keep` step kept.
    #[must_use]
    pub fn kept(&self) -> LazySession {
        self.shared.kept.lock().unwrap().pop().expect("a kept session")
    }

    /// The session that the last `detach` step detached.
    #[must_use]
    pub fn detached(&self) -> DetachedSession {
        self.shared.detached.lock().unwrap().pop().expect("a detached session")
    }
}
