// Package wire is all that a Go program needs to speak with the broker: frames out, frames in.
package wire

import (
	"bytes"
	"log"
	"net"
	"os"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// The first element of a frame.
const (
	HELLO, PUB, SUB, SYNC, OK, ERR = 0, 1, 2, 4, 5, 6
	REQ, REPLY, GAP                = 7, 8, 14
	PING, PONG, BYE, RETAIN        = 15, 16, 17, 18
)

// Bus is one connection.
type Bus struct {
	Address string
	conn    net.Conn
	frames  *msgpack.Decoder
	ending  bool
}

// Connect reaches the broker and says who we are; what follows may be sent at once.
func Connect(name string) *Bus {
	address := os.Getenv("PODBUS_ADDRESS")
	if address == "" {
		address = "@podbus"
	}
	conn, err := net.Dial("unix", address) // Go reads a leading @ as "abstract"
	if err != nil {
		log.Fatalf("no broker at %s (%v): start one with podbus serve", address, err)
	}
	bus := &Bus{Address: address, conn: conn, frames: msgpack.NewDecoder(conn)}
	if file := os.Getenv("PODBUS_SECRET_FILE"); file != "" {
		bus.openWithSecret(name, file)
	} else {
		bus.Send(HELLO, 1, Structured(map[string]string{"name": name}))
	}
	return bus
}

// Send writes one frame.
func (bus *Bus) Send(frame ...any) {
	encoded, err := msgpack.Marshal(frame)
	if err == nil {
		_, err = bus.conn.Write(encoded)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// Receive waits for the next frame that is not the connection's own business: its op, and all elements, still encoded.
func (bus *Bus) Receive() (int, []msgpack.RawMessage) {
	for {
		var frame []msgpack.RawMessage
		if err := bus.frames.Decode(&frame); err != nil && bus.ending {
			os.Exit(0)
		} else if err != nil {
			log.Fatal("the broker closed the connection: ", err)
		}
		switch op := As[int](frame[0]); op {
		case PING:
			bus.Send(PONG)
		case BYE: // the broker delivers what waits, then closes
			bus.ending = true
			bus.Send(BYE)
		case ERR:
			log.Fatal(As[string](frame[2]), ": ", As[string](frame[3]))
		default:
			return op, frame
		}
	}
}

// Structured wraps a map or an array, which travel inside ext type 1.
func Structured(value any) msgpack.RawMessage {
	body, err := msgpack.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	_ = msgpack.NewEncoder(&out).EncodeExtHeader(1, len(body)) // a buffer takes every write
	return append(out.Bytes(), body...)
}

// Decode reads one element, structured or not.
func Decode(element msgpack.RawMessage, into any) error {
	decoder := msgpack.NewDecoder(bytes.NewReader(element))
	if msgpcode.IsExt(element[0]) {
		if _, _, err := decoder.DecodeExtHeader(); err != nil {
			return err
		}
	}
	return decoder.Decode(into)
}

// As reads an element that the protocol promises to be of this type.
func As[T any](element msgpack.RawMessage) (value T) {
	if err := Decode(element, &value); err != nil {
		log.Fatal(err)
	}
	return value
}
