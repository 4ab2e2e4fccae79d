// Listens on an abstract socket and is called: net/rpc over HTTP, or with -json net/rpc/jsonrpc.
//
// The first speaks gob, which only Go reads; the second one JSON object a line, which the Python and
// TypeScript programs beside it speak too. The name is known to whoever shares this network namespace,
// and anyone there may call.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
)

// Args are what MyRPCExportedFunction is called with.
type Args struct {
	A int64 `json:"a"`
	B int64 `json:"b"`
}

// RPCSrv is what callers reach.
type RPCSrv struct{}

// MyRPCExportedFunction adds two numbers.
func (*RPCSrv) MyRPCExportedFunction(args Args, sum *int64) error {
	*sum = args.A + args.B
	fmt.Printf("called with %d and %d: %d\n", args.A, args.B, *sum)
	return nil
}

func main() {
	json := flag.Bool("json", false, "speak JSON lines, not gob over HTTP")
	flag.Parse()
	address := os.Getenv("SOCKET_ADDRESS")
	if address == "" && *json {
		address = "@my-abstract-socket.json"
	} else if address == "" {
		address = "@my-abstract-socket.sock"
	}
	if err := rpc.Register(new(RPCSrv)); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", address) // Go reads a leading @ as "abstract"
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", address)
	if !*json {
		rpc.HandleHTTP()
		log.Fatal(http.Serve(listener, nil))
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go jsonrpc.ServeConn(conn)
	}
}
