//! What the kernel keeps of answers that are not read.

use std::{io, net::TcpListener};

use socket2::SockRef;

/// What the kernel keeps of one connection's answers: enough for 20 Mbit/s at a round trip of 80 ms.
const SEND_BUFFER: usize = 208 * 1024;

/// Of that, what was not sent yet because the client does not read.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 64 * 1024;

/// A connection whose client acknowledges nothing, or opens no window, is ended by the kernel after this time: also one
/// that the server has closed.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNACKNOWLEDGED: std::time::Duration = std::time::Duration::from_mins(1);

/// Bounds what the kernel keeps of each connection that this listener accepts. Left alone, it keeps 4 MiB of an answer
/// that nobody reads.
///
/// # Errors
/// When the system does not take the options.
pub fn limit_socket_buffers(listener: &TcpListener) -> io::Result<()> {
    // Accepted sockets have the options of their listener.
    let socket = SockRef::from(listener);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // Answers are written in large parts: a small last one need not wait for an acknowledgement.
    socket.set_tcp_nodelay(true)?;
    #[cfg(any(target_os = "android", target_os = "linux"))]
    {
        socket.set_tcp_notsent_lowat(UNSENT)?;
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Write},
        net::TcpStream,
    };

    use super::*;

    #[test]
    fn the_kernel_keeps_little_of_an_answer_that_nobody_reads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        limit_socket_buffers(&listener).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // The client's own buffer, which is not the server's memory.
        SockRef::from(&client).set_recv_buffer_size(4 * 1024).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let mut kept = 0;
        loop {
            match server.write(&[7; 16 * 1024]) {
                Ok(count) => kept += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(kept <= 1024 * 1024, "{kept} bytes");
        assert!(SockRef::from(&server).tcp_nodelay().unwrap());
    }
}
