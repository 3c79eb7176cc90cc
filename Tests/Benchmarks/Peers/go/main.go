// hello, a counter in a map found by a cookie, and large bodies, on net/http/fcgi of Go's own library: go run main.go SOCKET
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/signal"
	"strconv"
	"strings"
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

// The bytes of a body.
func count(writer http.ResponseWriter, request *http.Request) {
	bytes, err := io.Copy(io.Discard, request.Body)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprint(writer, bytes)
}

// The sizes of the parts of a form.
func parts(writer http.ResponseWriter, request *http.Request) {
	reader, err := request.MultipartReader()
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	lines := []string{}
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		bytes, err := io.Copy(io.Discard, part)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		lines = append(lines, fmt.Sprintf("%s %d", part.FormName(), bytes))
	}
	fmt.Fprint(writer, strings.Join(lines, "\n"))
}

// As many MiB of zeros as `mb` says.
func zeros(writer http.ResponseWriter, request *http.Request) {
	megabytes, _ := strconv.Atoi(request.URL.Query().Get("mb"))
	writer.Header().Set("Content-Length", strconv.Itoa(megabytes<<20))
	piece := make([]byte, 1<<18)
	for number := 0; number < 4*megabytes; number++ {
		if _, err := writer.Write(piece); err != nil {
			return
		}
	}
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
	http.HandleFunc("/count", count)
	http.HandleFunc("/parts", parts)
	http.HandleFunc("/zeros", zeros)
	fmt.Fprintln(os.Stderr, fcgi.Serve(listener, nil))
}
