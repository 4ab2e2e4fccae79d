// Lists the abstract sockets on which somebody in this network namespace listens, and who.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Num: RefCount Protocol Flags Type St Inode Path, where the flag 10000 says "listening" and @ begins an abstract name.
var listening = regexp.MustCompile(`(?m)^\S+: \S+ \S+ 00010000 \S+ \S+ +(\d+) (@.*)$`)

func main() {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		log.Fatal(err)
	}
	holders := holdersByInode()
	for _, row := range listening.FindAllStringSubmatch(string(table), -1) {
		holder := holders[row[1]]
		if holder == "" {
			holder = "?\t?" // of another user, or of another pid namespace
		}
		fmt.Printf("%s\t%s\n", row[2], holder)
	}
}

// holdersByInode says for each open socket of the processes that can be seen: pid and command.
func holdersByInode() map[string]string {
	holders := map[string]string{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, "socket:[") {
			continue
		}
		pid := strings.Split(link, "/")[2]
		command, _ := os.ReadFile("/proc/" + pid + "/comm")
		holders[strings.Trim(target, "socket:[]")] = pid + "\t" + strings.TrimSpace(string(command))
	}
	return holders
}
