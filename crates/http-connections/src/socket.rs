//! The kernel's buffers of answers that are not read.

use std::{io, net::TcpListener};

use socket2::SockRef;

/// The send buffer of one connection: enough for 20 Mbit/s at a round trip of 80 ms.
const SEND_BUFFER: usize = 208 * 1024;

/// The part of the send buffer for data that was not sent yet because the client does not read.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 64 * 1024;

/// The kernel ends a connection, even one that the server has closed, when its client acknowledges nothing or keeps its
/// window closed for this time.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNACKNOWLEDGED: std::time::Duration = std::time::Duration::from_mins(1);

/// Bounds the kernel's buffers of each connection that this listener accepts. By default, the kernel buffers 4 MiB of
/// an answer that is not read.
///
/// # Errors
/// When the system does not accept the options.
pub fn limit_socket_buffers(listener: &TcpListener) -> io::Result<()> {
    // Accepted sockets have the options of their listener.
    let socket = SockRef::from(listener);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // Answers are written in large parts, and a small last part should not wait for an acknowledgement.
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
        // The client's buffer, which is not memory of the server.
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
