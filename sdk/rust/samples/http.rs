//! Lets a plug-in fetch a page, but only from the host its manifest allows. Run it at the root of the
//! repository.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};

use extism::{Error, ErrorExt, Manifest, Plugin, Wasm};

/// A server with one page, for one request.
fn serve() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut lines = BufReader::new(&stream).lines();
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\nhello from the server")
    });
    Ok(address)
}

fn main() -> Result<(), Error> {
    let server = serve()?;
    // snippet: http
    let manifest =
        Manifest::new([Wasm::file("examples/plugins/http.wasm")]).with_allowed_host("127.0.0.1");
    let mut plugin = Plugin::new(&manifest, [], false)?;
    for url in [
        format!("http://{server}/"),
        "http://somewhere.example/".into(),
    ] {
        match plugin.call::<_, &str>("fetch", url) {
            Ok(page) => println!("{page}"),
            Err(error) => println!("{}", error.status().map_or("", |status| status.name())),
        }
    }
    // end snippet
    Ok(())
}
