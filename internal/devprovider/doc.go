// Package devprovider is the demo's provider with all that tests want of one
// besides: a [Journal] of what reached it, so that a test can assert from the
// provider's side what the other side did and did not do; which grants it
// still honours; and faults. The token endpoint can be down, lose an answer,
// or forget all refresh tokens.
//
// What a client and a person meet is package internal/demo/provider, no line
// of it changed; its tests are here, since they read the journal.
package devprovider
