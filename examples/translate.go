// go run translate.go URL IN.png OUT.png: translates a picture with Go's standard library.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func run(url, input, output string) error {
	picture, err := os.Open(input)
	if err != nil {
		return err
	}
	defer picture.Close()
	response, err := http.Post(url+"/translate", "image/png", picture)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return os.WriteFile(output, body, 0o644)
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
