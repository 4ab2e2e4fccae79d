// Calls math.add on the bus, bus-call [A B].
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"

	"podbus/examples/wire"
)

func main() {
	args := map[string]int64{"a": number(1, 2), "b": number(2, 3)}
	bus := wire.Connect("go-call")
	bus.Send(wire.REQ, 1, "math.add", wire.Structured(args), nil, 5000) // no headers; 5 s at most
	for {
		op, frame := bus.Receive()
		if op != wire.REPLY {
			continue
		}
		if wire.As[int](frame[2]) == 2 {
			log.Fatal("the responder refused: ", wire.As[any](frame[3]))
		}
		fmt.Printf("%d + %d = %d\n", args["a"], args["b"], wire.As[int64](frame[3]))
		return
	}
}

func number(position int, otherwise int64) int64 {
	if len(os.Args) <= position {
		return otherwise
	}
	value, err := strconv.ParseInt(os.Args[position], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
