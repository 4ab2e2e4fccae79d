package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log"
	"os"
	"strings"
)

// openWithSecret says who we are, proves that we have the secret in the file, and has the broker prove it, too.
func (bus *Bus) openWithSecret(name, file string) {
	secret, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	if bytes.HasSuffix(secret, []byte("\n")) { // less one final line break
		secret = bytes.TrimSuffix(secret[:len(secret)-1], []byte("\r"))
	}
	var greeting struct {
		Auth  string `msgpack:"auth"`
		Nonce []byte `msgpack:"nonce"`
	}
	if _, frame := bus.Receive(); Decode(frame[2], &greeting) != nil || greeting.Auth != "hmac-sha256" {
		log.Fatal("bad_auth: whoever listens there asks for no secret, so it is not our broker")
	}
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		log.Fatal(err)
	}
	prove := func(who string) []byte {
		proof := hmac.New(sha256.New, secret)
		proof.Write([]byte("podbus1-" + who))
		proof.Write(greeting.Nonce)
		proof.Write(nonce)
		if strings.HasPrefix(bus.Address, "@") { // of a path nothing is signed
			proof.Write([]byte(bus.Address))
		}
		return proof.Sum(nil)
	}
	bus.Send(HELLO, 1, Structured(map[string]any{"name": name, "nonce": nonce, "proof": prove("client")}))
	var answer struct {
		Proof []byte `msgpack:"proof"`
	}
	_, frame := bus.Receive()
	if len(frame) < 3 || Decode(frame[2], &answer) != nil || !hmac.Equal(answer.Proof, prove("broker")) {
		log.Fatal("bad_auth: whoever listens there does not have the secret, so it is not our broker")
	}
}
