package chat

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// Dialer opens websockets by the way that calls of web go: its proxy, its
// dialer and its roots; nil = the usual one. patience bounds a handshake.
func Dialer(web *http.Client, patience time.Duration) *websocket.Dialer {
	d := &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: patience}
	if web == nil {
		return d
	}
	if t, ok := web.Transport.(*http.Transport); ok {
		d.Proxy, d.NetDialContext = t.Proxy, t.DialContext
		if t.TLSClientConfig != nil {
			d.TLSClientConfig = t.TLSClientConfig.Clone()
			d.TLSClientConfig.NextProtos = nil // a websocket is HTTP/1.1
		}
	}
	return d
}
