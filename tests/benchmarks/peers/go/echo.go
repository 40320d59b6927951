// The echo in Go, as its users write it: a goroutine a connection, a bufio reader and writer, flushed when
// nothing more is buffered. No deadlines. GOMAXPROCS=1 keeps it on one core, as all the others.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"syscall"
)

func echo(connection net.Conn) {
	defer connection.Close()
	in := bufio.NewReaderSize(connection, 65536)
	out := bufio.NewWriterSize(connection, 65536)
	var head [4]byte
	var payload []byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint32(head[:]))
		if cap(payload) < size {
			payload = make([]byte, size)
		}
		payload = payload[:size]
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		out.Write(head[:])
		out.Write(payload)
		if in.Buffered() == 0 {
			if out.Flush() != nil {
				return
			}
		}
	}
}

func main() {
	config := net.ListenConfig{Control: func(network, address string, c syscall.RawConn) error {
		return c.Control(func(descriptor uintptr) {
			syscall.SetsockoptString(int(descriptor), syscall.IPPROTO_TCP, 13, "reno") // TCP_CONGESTION
		})
	}}
	listening, err := config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening on", listening.Addr())
	for {
		if connection, err := listening.Accept(); err == nil {
			go echo(connection)
		}
	}
}
