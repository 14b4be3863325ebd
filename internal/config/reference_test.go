package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"golive/configs"
	"golive/internal/setting"
)

const reference = "../../configs/golive.yaml"

// compareSecrets lets cmp compare values that contain secrets.
func compareSecrets() cmp.Option { return cmp.AllowUnexported(setting.Secret{}) }

func TestReference_EqualsTheDefaults(t *testing.T) {
	loaded, err := Load(Input{File: reference})
	if err != nil {
		t.Fatal(err)
	}
	// [] and absent mean the same.
	if diff := cmp.Diff(Default(), loaded.Config, compareSecrets(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("configs/golive.yaml differs from the defaults (-default +file):\n%s", diff)
	}
}

func TestReference_HoldsEveryKeyWithAComment(t *testing.T) {
	loaded, err := Load(Input{File: reference})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(configs.Default(), "\n")
	visit(reflect.ValueOf(Default()), "", func(path string, _ reflect.Value) {
		o, ok := loaded.Origins[path]
		if !ok {
			t.Errorf("configs/golive.yaml lacks %s: add it at its default, with a comment", path)
			return
		}
		if above := strings.TrimSpace(lines[o.Line-2]); !strings.HasPrefix(above, "#") {
			t.Errorf("configs/golive.yaml:%d: %s has no comment above it", o.Line, path)
		}
	})
}

func TestReference_ShowsTheKeysOfListElements(t *testing.T) {
	visit(reflect.ValueOf(Default()), "", func(path string, v reflect.Value) {
		if !isList(v.Type()) || !isSection(v.Type().Elem()) {
			return
		}
		for _, k := range keysOf(v.Type().Elem()) {
			if !strings.Contains(configs.Default(), " "+k.name+": ") {
				t.Errorf("configs/golive.yaml: the comment of %s has no example of %s", path, k.name)
			}
		}
	})
}

func TestExamples_AreValid(t *testing.T) {
	examples, err := filepath.Glob("../../configs/examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range examples {
		t.Run(filepath.Base(file), func(t *testing.T) {
			// Files of secrets stand elsewhere on the operator's machine.
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			key := filepath.Join(t.TempDir(), "key")
			write(t, key, "a-long-random-key\n")
			copied := filepath.Join(t.TempDir(), "example.yaml")
			write(t, copied, strings.ReplaceAll(string(text), "/run/secrets/stage-key", key))
			if _, err := Load(Input{File: copied, Env: []string{"STUDIO_KEY=another-random-key"}}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSchema_HasAVariableForEachKey(t *testing.T) {
	paths := make(map[string]string)
	visit(reflect.ValueOf(Default()), "", func(path string, _ reflect.Value) {
		name := variable(path)
		if other, taken := paths[name]; taken {
			t.Errorf("%s and %s are both set by %s: rename one", other, path, name)
		}
		paths[name] = path
	})
}

func TestSchema_HasOnlyTypesThatCanBeRead(t *testing.T) {
	visit(reflect.ValueOf(Default()), "", func(path string, v reflect.Value) {
		if isList(v.Type()) {
			return
		}
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("%s: %v", path, r)
			}
		}()
		assign(reflect.New(v.Type()).Elem(), scalar{text: "1", isUnquoted: true})
	})
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
