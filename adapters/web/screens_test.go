package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// screens is where the pictures of the inbox are.
const screens = "../../docs/screens"

// look is how a page is looked at.
type look struct {
	name  string
	width int64   // of the window, in the page's pixels
	zoom  float64 // real pixels for each of them
	media map[string]string
}

// looks are those of which there are pictures: the narrowest window that a
// page has to fit, a window of 1280 pixels at 200 %, and that window as it is. All
// of them are still: a picture of what moves is of chance.
func looks() []look {
	var all []look
	for _, scheme := range []string{"light", "dark"} {
		media := map[string]string{"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
		all = append(all, look{"320-" + scheme, 320, 1, media}, look{"200-" + scheme, 640, 2, media}, look{"wide-" + scheme, 1280, 1, media})
	}
	return all
}

// plainLook is that of the one picture of a plain scene.
const plainLook = "320-light"

// lookAt makes the window so.
func (p *pageUnderTest) lookAt(l look) {
	p.t.Helper()
	var media emulation.SetEmulatedMediaParams
	for _, name := range slices.Sorted(maps.Keys(l.media)) {
		media.Features = append(media.Features, &emulation.MediaFeature{Name: name, Value: l.media[name]})
	}
	p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media); err != nil {
			return err
		}
		size := emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: 900, DeviceScaleFactor: l.zoom}
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, size)
		return err
	}))
}

// today is when the pictures are taken.
var today = noon.Add(6 * time.Minute)

// stopTime lets every page that the tab opens from now on believe that it is
// that time, in a zone that is not the server's.
func (p *pageUnderTest) stopTime(at time.Time) {
	p.t.Helper()
	p.house.clock.Store(&at)
	source := fmt.Sprintf(`{
		const Real = Date;
		globalThis.Date = class extends Real {
			constructor(...all) { all.length === 0 ? super(%[1]d) : super(...all) }
			static now() { return %[1]d }
		};
	}`, at.UnixMilli())
	p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, cdpage.AddScriptToEvaluateOnNewDocument, cdpage.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return err
	}))
}

// lastOfScene is where on the page ends what a scene is about: what stands empty
// below it is in the pictures of the empty inbox.
const lastOfScene = `(() => {
	const full = [...document.querySelectorAll("main section")].filter((s) => s.id !== "sessions" && s.querySelector(".card"));
	const several = document.querySelectorAll(".session").length > 1;
	return several || full.length === 0 ? document.body.getBoundingClientRect().bottom + scrollY : full.at(-1).getBoundingClientRect().bottom + scrollY + 24;
})()`

// tallest is where a picture ends, in the page's pixels: of what is the same
// over and over it shows the beginning.
const tallest = 6000

// scale is how many pixels of a picture there are for one of the page's: enough
// to read, and few enough for a repository.
const scale = 0.8

// arrived has what is still arriving have arrived: no picture shows a card that
// is half there.
const arrived = `document.getAnimations().forEach((a) => a.finish());`

// takePicture writes what the page shows from top to bottom.
func (p *pageUnderTest) takePicture(file string, l look, scale float64) {
	p.t.Helper()
	height, err := chromedp.Run(p.ctx, chromedp.Evaluate[float64](arrived+lastOfScene))
	if err != nil {
		p.t.Fatal(err)
	}
	beyond := true
	shot, err := chromedp.Run(p.ctx, func(ctx context.Context, t *chromedp.Target) (cdpage.CaptureScreenshotResult, error) {
		return cdp.Call(ctx, t, cdpage.CaptureScreenshot, cdpage.CaptureScreenshotParams{
			Clip: &cdpage.Viewport{Width: float64(l.width), Height: min(height, tallest), Scale: scale / l.zoom}, CaptureBeyondViewport: &beyond,
		})
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, small(p.t, shot.Data), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// small is a picture in the few colours that the page has.
func small(t *testing.T, raw []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	to := image.NewPaletted(from.Bounds(), palette(from, 14))
	draw.Draw(to, to.Bounds(), from, from.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// palette picks colours one by one: always the one that is seen most and is
// least like those that are there.
func palette(from image.Image, most int) color.Palette {
	seen := map[color.RGBA]int{}
	for y := from.Bounds().Min.Y; y < from.Bounds().Max.Y; y++ {
		for x := from.Bounds().Min.X; x < from.Bounds().Max.X; x++ {
			seen[color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)]++
		}
	}
	missed := make(map[color.RGBA]int, len(seen)) // how far each is from the nearest that was picked
	for c := range seen {
		missed[c] = 1000
	}
	var picked color.Palette
	for len(picked) < min(most, len(seen)) {
		var next color.RGBA
		worst := -1
		for c, n := range seen {
			if weight := n * missed[c] * missed[c]; weight > worst {
				next, worst = c, weight
			}
		}
		picked = append(picked, next)
		for c := range missed {
			missed[c] = min(missed[c], distance(c, next))
		}
	}
	return picked
}

func distance(a, b color.RGBA) int {
	apart := func(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }
	return apart(a.R, b.R) + apart(a.G, b.G) + apart(a.B, b.B)
}

// scripts lets the pages that are opened from now on run their scripts, or not.
func (p *pageUnderTest) scripts(run bool) {
	p.t.Helper()
	p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
		return err
	}))
}

// stage brings a scene about.
func (p *pageUnderTest) stage(s scene) {
	p.t.Helper()
	in := s.inbox()
	p.house.desk.change("alice", in)
	here := float64(len(in.Waiting) + len(in.Given) + len(in.Earlier))
	p.eventually(s.name, `document.querySelectorAll("article[data-request]").length`, here)
	if s.bring != nil {
		s.bring(p)
	}
	if s.there != "" {
		p.eventually(s.name, s.there, true)
	}
	p.do("document.activeElement.blur(); scrollTo(0, 0)")
}

// TestScreens shows every state of the inbox in every look: nothing is cut,
// covered or too small to hit, all of it has a name, and axe-core finds nothing
// to complain about. With -update it takes the pictures.
func TestScreens(t *testing.T) {
	checker := loadAxe(t)
	p := openPage(t)
	p.stopTime(today)
	p.lookAt(looks()[0])
	p.comeBack()
	for _, s := range scenes() {
		if only := os.Getenv("SCENES"); only != "" && !slices.Contains(strings.Fields(only), s.name) {
			continue
		}
		begun := time.Now()
		p.stage(s)
		for _, l := range looks() {
			if s.plain && l.name != plainLook {
				continue
			}
			p.lookAt(l)
			p.checkFaults(s.name+" "+l.name, faults)
			switch {
			case s.mute, s.plain: // axe-core is a script, too, and slow where there is much of the same
			case l.name == "wide-light":
				p.checkAxe(s.name+" "+l.name, checker)
			case l.name == "320-dark":
				p.checkAxe(s.name+" "+l.name, checker, "color-contrast")
			}
			if *update {
				p.takePicture(filepath.Join(screens, s.name+"-"+l.name+".png"), l, scale)
			}
		}
		if !s.plain {
			p.checkFaults(s.name, meaning)
			p.lookStrangely(s)
		}
		if s.after != nil {
			s.after(p)
		}
		t.Logf("%s: %v", s.name, time.Since(begun))
	}
	p.takeForTheReadme()
}

// TestPicturesAreWhole holds the files against the scenes, and the scenes
// against the kinds of cards.
func TestPicturesAreWhole(t *testing.T) {
	if diff := cmp.Diff(slices.Sorted(maps.Keys(everyState())), kinds()); diff != "" {
		t.Errorf("each kind of card is in a scene (-cards +scenes):\n%s", diff)
	}
	entries, err := os.ReadDir(screens)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	var size int64
	for _, e := range entries {
		files = append(files, e.Name())
		size += checkGround(t, filepath.Join(screens, e.Name()))
	}
	if diff := cmp.Diff(pictures(), files); diff != "" {
		t.Errorf("docs/screens (-want +got; take them with -update -run TestScreens):\n%s", diff)
	}
	if size > 9<<19 {
		t.Errorf("docs/screens has %d bytes, and every clone carries them", size)
	}
}

// checkGround fails for a picture that is not as dark, or light, as its name
// says, and returns its size.
func checkGround(t *testing.T, file string) int64 {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shot, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	ground := color.GrayModel.Convert(shot.At(0, 0)).(color.Gray).Y
	if dark := strings.HasSuffix(file, "-dark.png"); dark != (ground < 64) || !dark && ground < 192 {
		t.Errorf("%s: its ground is %d of 255", file, ground)
	}
	return int64(len(raw))
}

// takeForTheReadme takes the pictures that a newcomer sees first.
func (p *pageUnderTest) takeForTheReadme() {
	p.stage(scene{name: "inbox", also: realLife()})
	for file, scheme := range map[string]string{"inbox.png": "light", "inbox-dark.png": "dark"} {
		l := look{scheme, 820, 1, map[string]string{"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}}
		p.lookAt(l)
		if *update {
			p.takePicture(filepath.Join(screens, file), l, 1)
		}
	}
}

// bringToFront puts a window before those that it opened.
func bringToFront(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, cdpage.BringToFront, cdp.Empty{})
	return err
}
