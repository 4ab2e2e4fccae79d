// Publishes an order, bus-publish [TOPIC ID].
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"

	"podbus/examples/wire"
)

type order struct {
	ID    int      `msgpack:"id"`
	Items []string `msgpack:"items"`
}

func main() {
	topic, id := "orders.eu.created", 1
	if len(os.Args) > 2 {
		var err error
		if id, err = strconv.Atoi(os.Args[2]); err != nil {
			log.Fatal(err)
		}
		topic = os.Args[1]
	}
	bus := wire.Connect("go-publish")
	bus.Send(wire.PUB, topic, wire.Structured(order{id, []string{"tea", "milk"}}))
	bus.Send(wire.SYNC, 1) // its OK says that the PUB has taken effect, and how many took it
	for {
		if op, frame := bus.Receive(); op == wire.OK && wire.As[int](frame[1]) == 1 {
			fmt.Printf("published to %s: %d received it\n", topic, wire.As[int64](frame[2]))
			return
		}
	}
}
