// The echo on Tokio, as its users write it: a task a connection, frames from LengthDelimitedCodec, fed to
// the sink and flushed when no other is there. No deadlines. One thread, as all the others.
use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use std::io::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

async fn echo(socket: TcpStream) -> Result<()> {
    socket.set_nodelay(true)?;
    let codec = LengthDelimitedCodec::builder()
        .max_frame_length(16 << 20)
        .new_codec();
    let mut frames = Framed::new(socket, codec);
    while let Some(first) = frames.next().await {
        let mut next = Some(first);
        while let Some(frame) = next {
            frames.feed(frame?.freeze()).await?;
            next = frames.next().now_or_never().flatten();
        }
        SinkExt::<Bytes>::flush(&mut frames).await?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            if let Ok((socket, _)) = listener.accept().await {
                tokio::task::spawn_local(echo(socket));
            }
        }
    })
}
