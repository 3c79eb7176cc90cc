// hello, and a counter in a map found by a cookie, on net/http/fcgi of Go's own library: go run main.go SOCKET
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

var (
	lock sync.Mutex
	hits = map[string]int{}
)

func hello(writer http.ResponseWriter, request *http.Request) {
	writer.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(writer, "hello\n")
}

func counter(writer http.ResponseWriter, request *http.Request) {
	cookie, err := request.Cookie("session")
	if err != nil {
		bytes := make([]byte, 16)
		if _, err := rand.Read(bytes); err != nil {
			http.Error(writer, "no randomness", http.StatusInternalServerError)
			return
		}
		cookie = &http.Cookie{Name: "session", Value: hex.EncodeToString(bytes), Path: "/", HttpOnly: true}
		http.SetCookie(writer, cookie)
	}
	lock.Lock()
	hits[cookie.Value]++
	count := hits[cookie.Value]
	lock.Unlock()
	writer.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(writer, "{\"hits\":%d}\n", count)
}

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		os.Exit(0)
	}()
	http.HandleFunc("/hello", hello)
	http.HandleFunc("/counter", counter)
	fmt.Fprintln(os.Stderr, fcgi.Serve(listener, nil))
}
