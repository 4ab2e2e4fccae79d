// Answers requests on the topic math.add.
package main

import (
	"fmt"

	"podbus/examples/wire"
)

func main() {
	bus := wire.Connect("go-respond")
	bus.Send(wire.SUB, 1, "math.add", wire.Structured(map[string]bool{"respond": true}))
	bus.Send(wire.SYNC, 2) // its OK says that the SUB has taken effect
	for {
		switch op, frame := bus.Receive(); op {
		case wire.REQ:
			number, payload := frame[1], frame[3]
			var args struct {
				A *int64 `msgpack:"a"`
				B *int64 `msgpack:"b"`
			}
			if err := wire.Decode(payload, &args); err != nil || args.A == nil || args.B == nil {
				bus.Send(wire.REPLY, number, 2, "expected a map {a, b} of two integers") // 2: refused, and why
				continue
			}
			bus.Send(wire.REPLY, number, 0, *args.A+*args.B)
			fmt.Printf("answered %d + %d = %d\n", *args.A, *args.B, *args.A+*args.B)
		case wire.OK:
			if wire.As[int](frame[1]) == 2 {
				fmt.Println("answering math.add on", bus.Address)
			}
		}
	}
}
