package localhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/authbridge/authbridge/internal/localhttp"
)

// serveUID answers every call with the uid that is known of the caller.
func serveUID(t *testing.T, l net.Listener) {
	t.Helper()
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			uid, ok := localhttp.UID(r.Context())
			_ = json.NewEncoder(w).Encode(map[string]any{"uid": uid, "known": ok})
		}),
		ConnContext: localhttp.ConnContext,
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
}

func askUID(t *testing.T, network, addr string) (uid uint32, known bool) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct {
		UID   uint32
		Known bool
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return said.UID, said.Known
}

func TestTheKernelSaysWhoCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	l, err := localhttp.Listen(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	serveUID(t, l)
	uid, known := askUID(t, "unix", path)
	if !known || uid != uint32(os.Getuid()) {
		t.Errorf("uid %d, known %v; want %d", uid, known, os.Getuid())
	}
}

func TestOverTCPNobodyIsKnown(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveUID(t, l)
	if uid, known := askUID(t, "tcp", l.Addr().String()); known {
		t.Errorf("a TCP caller passes for uid %d", uid)
	}
}

func TestOverAPipeNobodyIsKnown(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _ = a.Close() }()
	defer func() { _ = b.Close() }()
	if uid, known := localhttp.UID(localhttp.ConnContext(t.Context(), a)); known {
		t.Errorf("a pipe passes for uid %d", uid)
	}
}

func TestSocketIsPrivateWhateverTheUmask(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "a.sock")
	l, err := localhttp.Listen(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := modeOf(t, path); got != 0o600 {
		t.Errorf("the socket has mode %o", got)
	}
	if got := modeOf(t, dir); got != 0o700 {
		t.Errorf("the directory has mode %o", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the file is still there: %v", err)
	}
}

func TestSocketForAGroup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "a.sock")
	l, err := localhttp.Listen(t.Context(), path, &localhttp.Group{ID: os.Getgid()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if got := modeOf(t, path); got != 0o660 {
		t.Errorf("the socket has mode %o", got)
	}
	if got := modeOf(t, dir); got != 0o710 {
		t.Errorf("the directory has mode %o", got)
	}
}

func TestADirectoryThatIsThereStaysAsItIs(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := localhttp.Listen(t.Context(), filepath.Join(dir, "a.sock"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if got := modeOf(t, dir); got != 0o755 {
		t.Errorf("the directory has mode %o", got)
	}
}

// TestADirectoryOfOthersIsRefused: whoever can write to it could put a socket
// of theirs in the place of ours.
func TestADirectoryOfOthersIsRefused(t *testing.T) {
	for mode, fine := range map[fs.FileMode]bool{
		0o755: true, 0o750: true, 0o775: false, 0o757: false, 0o777: false,
		0o777 | fs.ModeSticky: true, 0o775 | fs.ModeSticky: true,
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		l, err := localhttp.Listen(t.Context(), filepath.Join(dir, "a.sock"), nil)
		if err == nil {
			_ = l.Close()
		}
		if fine != (err == nil) || !fine && !errors.Is(err, localhttp.ErrUnsafe) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	if os.Getuid() != 0 {
		return // only root can give a directory away
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	_, err := localhttp.Listen(t.Context(), filepath.Join(dir, "a.sock"), nil)
	if !errors.Is(err, localhttp.ErrUnsafe) || !strings.Contains(err.Error(), "belongs to uid 12345") {
		t.Errorf("in somebody else's directory: %v", err)
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestASecondBridgeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	first, err := localhttp.Listen(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	_, err = localhttp.Listen(t.Context(), path, nil)
	if !errors.Is(err, localhttp.ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the first one's socket is gone: %v", err)
	}
}

func TestASocketLeftBehindIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := localhttp.Listen(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	serveUID(t, l)
	if _, known := askUID(t, "unix", path); !known {
		t.Error("the new socket does not answer")
	}
}

func TestOtherPeoplesFilesAreNotTouched(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		if l, err := localhttp.Listen(t.Context(), path, nil); err == nil {
			_ = l.Close()
			t.Errorf("listens at %s", path)
		}
	}
	if data, err := os.ReadFile(link); err != nil || string(data) != "data" {
		t.Errorf("the file is %q, %v", data, err)
	}
}

func TestAPathThatIsTooLongSaysSo(t *testing.T) {
	_, err := localhttp.Listen(t.Context(), "/tmp/"+strings.Repeat("x", 200), nil)
	if err == nil || !strings.Contains(err.Error(), "at most 103") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"name":"x","n":1}`, `[1]`, `{"name":`, `{"x":1}`, `{"name":1}`, "{\"name\":\"\xff\"}", `{} {}`, strings.Repeat(`{"name":`, 2000)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v struct {
			Name string   `json:"name"`
			N    int      `json:"n"`
			List []string `json:"list"`
		}
		err := localhttp.Decode(body, &v)
		var no *localhttp.Refusal
		if err != nil && !errors.As(err, &no) {
			t.Fatalf("not a refusal: %v", err)
		}
		if err == nil && !json.Valid(body) {
			t.Fatalf("%q was taken", body)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Fatalf("says back %d bytes", len(err.Error()))
		}
	})
}

func TestAnAnswerThatCannotBeWrittenIsAnErrorBeforeAnythingIsSaid(t *testing.T) {
	w := &recorder{header: http.Header{}}
	if err := localhttp.WriteJSON(w, http.StatusOK, func() {}); err == nil {
		t.Error("a function was encoded")
	}
	if w.status != 0 || w.body.Len() != 0 {
		t.Errorf("answered %d %q", w.status, &w.body)
	}
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

var _ io.Writer = (*recorder)(nil)
