//! Taking connections, as every server of the lab does.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

/// Holds each connection of `listener` in a task of its own, `most` at once:
/// further ones wait to be accepted. Ends only by being dropped, and all its
/// connections with it.
pub(crate) async fn each<F>(listener: TcpListener, most: usize, mut hold: impl FnMut(TcpStream, SocketAddr) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(most));
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, client)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let connection = hold(stream, client);
        connections.spawn(async move {
            let _slot = slot;
            connection.await;
        });
    }
}
