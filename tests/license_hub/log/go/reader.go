// Reads a log with Go's own sumdb packages: checkpoint signature, tile hashes, inclusion of every entry, consistency with an older size.
//
// Usage: reader <log URL> <verifier key> <old size>
// Our tiles are C2SP tlog-tiles: as sumdb's of height 8, without the height in the path.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func fetch(url string) []byte {
	answer, err := http.Get(url)
	check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode != 200 {
		check(fmt.Errorf("%s: %s", url, answer.Status))
	}
	return body
}

func check(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

type reader struct{ log string }

func (r reader) Height() int { return height }

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		found = append(found, fetch(r.log+"/"+path))
	}
	return found, nil
}

func (r reader) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func entries(log string, size int64) [][]byte {
	var found [][]byte
	for n := int64(0); n*256 < size; n++ {
		tile := tlog.Tile{H: height, L: -1, N: n, W: 256}
		if size-n*256 < 256 {
			tile.W = int(size - n*256)
		}
		path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		data := bytes.NewReader(fetch(log + "/" + path))
		for data.Len() > 0 {
			var length [2]byte
			_, err := io.ReadFull(data, length[:])
			check(err)
			entry := make([]byte, int(length[0])<<8|int(length[1]))
			_, err = io.ReadFull(data, entry)
			check(err)
			found = append(found, entry)
		}
	}
	return found
}

func main() {
	log, old := os.Args[1], os.Args[3]
	key, err := note.NewVerifier(os.Args[2])
	check(err)
	signed, err := note.Open(fetch(log+"/checkpoint"), note.VerifierList(key))
	check(err)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != key.Name() {
		check(fmt.Errorf("not a checkpoint of %s", key.Name()))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	// TileHashReader checks every tile it reads against the signed root.
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader{log})
	for n, entry := range entries(log, size) {
		proof, err := tlog.ProveRecord(size, int64(n), hashes)
		check(err)
		check(tlog.CheckRecord(proof, size, root, int64(n), tlog.RecordHash(entry)))
	}
	before, err := strconv.ParseInt(old, 10, 64)
	check(err)
	oldRoot, err := tlog.TreeHash(before, hashes)
	check(err)
	proof, err := tlog.ProveTree(size, before, hashes)
	check(err)
	check(tlog.CheckTree(proof, size, root, before, oldRoot))
	fmt.Println(size, root, len(signed.Sigs), len(signed.UnverifiedSigs), oldRoot)
}
