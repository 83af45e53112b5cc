// Package store is what all stores of the bridge share: how records are
// written down, how secrets are sealed, and how a configured store is opened.
//
// Secrets are sealed with a keyset that lies in a file of its own, so a copy
// of the store alone tells nobody a token. Everything else is plain: a store
// and its backups still say who asked whom for what.
package store
