//! A server that speaks S3 over HTTP, on a folder: bucket `bucket`, key `key`, secret `secret`.

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use std::{fs, path::Path};
use tokio::{net::TcpListener, task::JoinHandle};

/// Its address, and its task.
pub async fn serve_s3(folder: &Path) -> (String, JoinHandle<()>) {
    fs::create_dir(folder.join("bucket")).expect("a bucket can be made");
    let files = s3s_fs::FileSystem::new(folder).expect("it is a folder");
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let running = tokio::spawn(async move {
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                return;
            };
            let service = service.clone();
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                // A client that goes away is no failure of the server.
                _ = builder
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    });
    (format!("http://{address}"), running)
}
