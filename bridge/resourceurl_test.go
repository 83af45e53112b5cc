package bridge

import (
	"strings"
	"testing"
)

func TestResourcesHaveOneForm(t *testing.T) {
	for given, want := range map[string]string{
		"https://files.mcp.example.com/mcp":            "https://files.mcp.example.com/mcp",
		"HTTPS://Files.MCP.example.com/mcp":            "https://files.mcp.example.com/mcp",
		"https://files.mcp.example.com:443/mcp":        "https://files.mcp.example.com/mcp",
		"https://files.mcp.example.com:8443/mcp":       "https://files.mcp.example.com:8443/mcp",
		"https://files.mcp.example.com/":               "https://files.mcp.example.com",
		"https://files.mcp.example.com":                "https://files.mcp.example.com",
		"https://files.mcp.example.com/mcp/":           "https://files.mcp.example.com/mcp",
		"https://files.mcp.example.com/MCP":            "https://files.mcp.example.com/MCP",
		"https://files.mcp.example.com/a/../mcp":       "https://files.mcp.example.com/mcp",
		"https://files.mcp.example.com/../../mcp":      "https://files.mcp.example.com/mcp",
		"https://files.mcp.example.com/%2e%2E/mcp":     "https://files.mcp.example.com/mcp",
		"https://files.mcp.example.com/%6dcp":          "https://files.mcp.example.com/mcp",
		"https://files.mcp.example.com/a%c3%a4!(b)":    "https://files.mcp.example.com/a%C3%A4!(b)",
		"https://[2001:db8::1]:8443/mcp":               "https://[2001:db8::1]:8443/mcp",
		"http://127.0.0.1:9000/mcp":                    "http://127.0.0.1:9000/mcp",
		"http://localhost:80/mcp":                      "http://localhost/mcp",
		"https://files.mcp.example.com/tenants/t1/mcp": "https://files.mcp.example.com/tenants/t1/mcp",
	} {
		got, err := CanonicalResource(given)
		if err != nil || got != want {
			t.Errorf("%s\nis  %s, %v\nnot %s", given, got, err, want)
		}
		if again, err := CanonicalResource(got); err != nil || again != got {
			t.Errorf("%s once more is %s, %v", got, again, err)
		}
	}
}

func TestWhatNamesNoResource(t *testing.T) {
	for _, given := range []string{
		"", "files.example.com/mcp", "/mcp", "https:///mcp", "https://", "https:mcp", "urn:example:files",
		"http://files.example.com/mcp", "ftp://files.example.com/mcp", "javascript:alert(1)",
		"https://alice@files.example.com/mcp", "https://alice:pw@files.example.com/mcp", "https://@files.example.com/",
		"https://files.example.com/mcp?x=1", "https://files.example.com/mcp?", "https://files.example.com/mcp#top", "https://files.example.com/mcp#",
		"https://files.example.com/a%2fb", "https://files.example.com/a%5Cb", "https://files.example.com/a\\b",
		"https://files.example.com/a%00b", "https://files.example.com/a%0ab", "https://files.example.com/a%25b",
		"https://files.example.com//mcp", "https://files.example.com/mcp//", "https://files.example.com/%zz", "https://files.example.com/%2",
		"https://files.example.com./mcp", "https://files.example.com:/mcp", "https://*.example.com/mcp", "https://files.example.com/*", "https://files.example.com/%2a",
		"https://files.example.com/\u00e4", "https://files.example.com/a b", " https://files.example.com/mcp", "https://files.example.com/mcp\n",
		"https://files.example.com/" + strings.Repeat("a", 1024),
	} {
		if got, err := CanonicalResource(given); err == nil {
			t.Errorf("%q passes for %q", given, got)
		}
	}
}

func TestPatternsOfResources(t *testing.T) {
	const files = "https://files.mcp.example.com/mcp"
	for _, c := range []struct {
		pattern, resource string
		fits              bool
	}{
		{files, files, true},
		{"https://FILES.mcp.example.com:443/mcp/", files, true},
		{files, files + "/more", false},
		{files, "https://files.mcp.example.com", false},
		{files, "https://files.mcp.example.com/MCP", false},
		{files, "http://127.0.0.1/mcp", false},
		{files, "https://files.mcp.example.com:8443/mcp", false},
		{"https://files.mcp.example.com:8443/mcp", files, false},

		{"https://files.mcp.example.com/**", files, true},
		{"https://files.mcp.example.com/**", "https://files.mcp.example.com", true},
		{"https://files.mcp.example.com/**", "https://files.mcp.example.com/a/b/c", true},
		{"https://files.mcp.example.com/**", "https://files.mcp.example.com.evil.example/mcp", false},
		{"https://files.mcp.example.com/mcp/**", files, true},
		{"https://files.mcp.example.com/mcp/**", "https://files.mcp.example.com/mcpx", false},
		{"https://files.mcp.example.com/tenants/**/mcp", "https://files.mcp.example.com/tenants/mcp", true},
		{"https://files.mcp.example.com/tenants/**/mcp", "https://files.mcp.example.com/tenants/a/b/mcp", true},
		{"https://files.mcp.example.com/tenants/**/mcp", "https://files.mcp.example.com/tenants/a/b", false},

		{"https://files.mcp.example.com/*", files, true},
		{"https://files.mcp.example.com/*", "https://files.mcp.example.com", false},
		{"https://files.mcp.example.com/*", files + "/more", false},
		{"https://files.mcp.example.com/m*p", files, true},
		{"https://files.mcp.example.com/*c*", files, true},
		{"https://files.mcp.example.com/mc*cp", files, false},
		{"https://files.mcp.example.com/mcp*", files, true},

		{"https://*.mcp.example.com/mcp", files, true},
		{"https://*.mcp.example.com/mcp", "https://a.b.mcp.example.com/mcp", false},
		{"https://*.mcp.example.com/mcp", "https://mcp.example.com/mcp", false},
		{"https://**.example.com/mcp", files, true},
		{"https://**.example.com/mcp", "https://example.com/mcp", true},
		{"https://**.example.com/mcp", "https://evil.example/mcp", false},
		{"https://**.example.com/mcp", "https://notexample.com/mcp", false},
		{"https://files*.mcp.example.com/mcp", files, true},
		{"https://files*.mcp.example.com/mcp", "https://files.evil.mcp.example.com/mcp", false},
		{"https://*/mcp", files, false},
		{"https://**/**", files, true},

		{"not a pattern", files, false},
		{"https://files.mcp.example.com/**?", files, false},
		{files, "not a resource", false},
	} {
		if got := ResourceFits(c.pattern, c.resource); got != c.fits {
			t.Errorf("%s fits %s: %v", c.resource, c.pattern, got)
		}
	}
}

// A pattern comes from the operator, a resource from an agent: neither can have
// the comparison take long.
func TestManyStarsTakeNoTime(t *testing.T) {
	pattern := "https://a.example/" + strings.Repeat("**/*a*/", 140)
	if ResourceFits(pattern+"b", "https://a.example"+strings.Repeat("/aaaaaaa", 120)+"/c") {
		t.Error("it fits")
	}
}

func FuzzCanonicalResource(f *testing.F) {
	for _, seed := range []string{"https://files.mcp.example.com/mcp", "HTTPS://[::1]:443/a/../%2e/b%20/", "http://localhost/%c3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		once, err := CanonicalResource(raw)
		if err != nil {
			return
		}
		if twice, err := CanonicalResource(once); err != nil || twice != once {
			t.Errorf("%q is %q, and that is %q, %v", raw, once, twice, err)
		}
		if !ResourceFits(once, raw) || !ResourceFits(raw, once) {
			t.Errorf("%q does not fit itself", raw)
		}
	})
}
