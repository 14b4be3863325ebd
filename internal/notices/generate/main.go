package main

import (
	"context"
	"fmt"
	"os"
)

// repository is the root of the repository, seen from internal/notices.
const repository = "../.."

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the name of the file to write, not %q", args)
	}
	all, err := collect(ctx, repository)
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], []byte(render(all)), 0o644) //nolint:gosec // it is a source file
}
