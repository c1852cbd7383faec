//! An HTTP server that answers as it is told, and keeps what it was asked.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

/// A question as it came.
#[derive(Clone, Debug)]
pub struct Question {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Question {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What is answered, and after how long.
#[derive(Clone, Debug)]
pub struct PeerAnswer {
    pub status: u16,
    pub body: String,
    pub after: Duration,
}

impl From<Value> for PeerAnswer {
    fn from(json: Value) -> Self {
        Self {
            status: 200,
            body: json.to_string(),
            after: Duration::ZERO,
        }
    }
}

type Answering = Arc<dyn Fn(&Value) -> PeerAnswer + Send + Sync>;

#[derive(Clone)]
struct PeerState {
    asked: Arc<Mutex<Vec<Question>>>,
    answering: Arc<Mutex<Answering>>,
}

pub struct Peer {
    pub address: SocketAddr,
    state: PeerState,
    serving: JoinHandle<()>,
}

impl Peer {
    pub async fn start(answering: impl Fn(&Value) -> PeerAnswer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), answering).await
    }

    pub async fn start_at(
        address: SocketAddr,
        answering: impl Fn(&Value) -> PeerAnswer + Send + Sync + 'static,
    ) -> Self {
        let state = PeerState {
            asked: Arc::default(),
            answering: Arc::new(Mutex::new(Arc::new(answering))),
        };
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/before", post(answer_question))
            .with_state(state.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            state,
            serving,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/before", self.address)
    }

    pub fn answers(&self, answering: impl Fn(&Value) -> PeerAnswer + Send + Sync + 'static) {
        *self.state.answering.lock() = Arc::new(answering);
    }

    pub fn asked(&self) -> Vec<Question> {
        self.state.asked.lock().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer_question(
    State(state): State<PeerState>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(uri.path(), "/before");
    let question = Question { headers, body };
    let json = question.json();
    state.asked.lock().push(question);
    let answering = state.answering.lock().clone();
    let answer = answering(&json);
    tokio::time::sleep(answer.after).await;
    let status = StatusCode::from_u16(answer.status).unwrap();
    (status, answer.body).into_response()
}
