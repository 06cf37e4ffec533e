// Command backend is a well-behaved service for pods: it answers with its pod's name, echoes WebSocket messages at /ws,
// and after SIGTERM is not ready any more but serves on for a while, as the rules of rolling updates want it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/websocket"
)

func main() {
	address := flag.String("address", ":9080", "where to listen")
	linger := flag.Duration("linger", 3*time.Second, "how long to serve on after SIGTERM")
	flag.Parse()
	var ending atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, os.Getenv("HOSTNAME")) })
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if ending.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.Handle("/ws", websocket.Server{Handler: func(connection *websocket.Conn) { _, _ = io.Copy(connection, connection) }})
	server := &http.Server{Addr: *address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		ending.Store(true)
		time.Sleep(*linger)
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
