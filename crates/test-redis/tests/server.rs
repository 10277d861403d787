//! Tests of [`TestRedis`].

use std::net::TcpStream;

use test_redis::TestRedis;

#[test]
fn a_killed_server_restarts_without_data() {
    if TestRedis::is_skipped() {
        return;
    }
    let server = TestRedis::start();
    let other = TestRedis::start();
    let _ = server.command(&["SET", "a", "1"]);
    assert_eq!(
        (server.command(&["EXISTS", "a"]), other.command(&["EXISTS", "a"])),
        (":1".into(), ":0".into())
    );
    server.kill();
    let address = server.url().replace("redis://", "");
    assert!(TcpStream::connect(&address).is_err());
    server.restart();
    assert_eq!(server.command(&["EXISTS", "a"]), ":0");
}

#[test]
fn a_paused_server_can_be_resumed() {
    if TestRedis::is_skipped() {
        return;
    }
    let server = TestRedis::start();
    server.pause();
    server.resume();
    assert_eq!(server.command(&["PING"]), "+PONG");
}
