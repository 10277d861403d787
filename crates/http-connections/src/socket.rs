//! Limits for the kernel's buffers of answers that a client does not read.

use std::{io, net::TcpListener};

use socket2::SockRef;

/// The size of a connection's send buffer in bytes: enough for 20 Mbit/s with a round-trip time of 80 ms.
const SEND_BUFFER: usize = 208 * 1024;

/// The maximum number of bytes in the send buffer that were not sent yet, for example because the client does not read.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 64 * 1024;

/// The time after which the kernel ends a connection whose client acknowledges nothing, or keeps its receive window
/// closed. This also applies to connections that the server has already closed.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNACKNOWLEDGED: std::time::Duration = std::time::Duration::from_mins(1);

/// Limits the kernel's buffers of each connection that this listener accepts. By default, Linux buffers up to 4 MiB
/// of an answer that the client does not read.
///
/// # Errors
/// When the system does not accept the options.
pub fn limit_socket_buffers(listener: &TcpListener) -> io::Result<()> {
    // Accepted sockets inherit the options of their listener.
    let socket = SockRef::from(listener);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // Answers are written in large parts, so combining small ones is not needed. Without this option, a small last part
    // would wait for an acknowledgement.
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
    fn the_kernel_buffers_little_of_an_unread_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        limit_socket_buffers(&listener).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // The client's own buffer is small, because only the server's memory is measured.
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
