// Calls what listens on an abstract socket, call [-json] [A B]: net/rpc over HTTP, or with -json net/rpc/jsonrpc.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"strconv"
)

// Args are what MyRPCExportedFunction is called with.
type Args struct {
	A int64 `json:"a"`
	B int64 `json:"b"`
}

func main() {
	json := flag.Bool("json", false, "speak JSON lines, not gob over HTTP")
	flag.Parse()
	args := Args{A: number(0, 2), B: number(1, 3)}
	address := os.Getenv("SOCKET_ADDRESS")
	if address == "" && *json {
		address = "@my-abstract-socket.json"
	} else if address == "" {
		address = "@my-abstract-socket.sock"
	}
	dial := rpc.DialHTTP
	if *json {
		dial = jsonrpc.Dial
	}
	client, err := dial("unix", address)
	if err != nil {
		log.Fatal(err)
	}
	var sum int64
	if err := client.Call("RPCSrv.MyRPCExportedFunction", args, &sum); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d + %d = %d\n", args.A, args.B, sum)
}

func number(position int, otherwise int64) int64 {
	if flag.NArg() <= position {
		return otherwise
	}
	value, err := strconv.ParseInt(flag.Arg(position), 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
