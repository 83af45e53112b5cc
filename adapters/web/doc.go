// Package web is the inbox: a plain local page on which a human sees what is
// asked of them, live, and answers. It is what runs when no chat is
// configured.
//
// The page is the same Card that every surface lays out, written by one
// template. A human signs in with a link that works once; its secret is in
// the fragment, so no server log and no referrer has it, and what it is
// exchanged for is kept in the page and sent as a header. There are no
// cookies: the ports of one host share them.
package web
