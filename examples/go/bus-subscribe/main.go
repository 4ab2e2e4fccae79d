// Prints what is published, bus-subscribe [PATTERN].
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"podbus/examples/wire"
)

func main() {
	pattern := "orders.>"
	if len(os.Args) > 1 {
		pattern = os.Args[1]
	}
	bus := wire.Connect("go-subscribe")
	bus.Send(wire.SUB, 1, pattern)
	bus.Send(wire.SYNC, 2) // its OK says that the SUB has taken effect
	for {
		switch op, frame := bus.Receive(); op {
		case wire.PUB, wire.RETAIN:
			var payload any
			err := wire.Decode(frame[2], &payload)
			text, unprintable := json.Marshal(payload)
			if err != nil || unprintable != nil {
				text = frame[2] // no JSON has it: as it came
			}
			fmt.Printf("%s %s\n", wire.As[string](frame[1]), text)
		case wire.GAP:
			log.Print(wire.As[int64](frame[2]), " messages lost here")
		case wire.OK:
			if wire.As[int](frame[1]) == 2 {
				fmt.Println("subscribed to", pattern, "on", bus.Address)
			}
		}
	}
}
