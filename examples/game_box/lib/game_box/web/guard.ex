defmodule GameBox.Web.Guard do
  @moduledoc """
  Which requests are answered, and what browsers are told they may do with the answers.

  Invariants: no page of another origin can change or follow anything here, nor can a foreign name that was pointed at
  this address; the page runs its own scripts only, loads nothing from elsewhere, and is in no frame.
  """

  alias GameBox.Settings
  alias GameBox.Web.Request

  @doc "Headers of every answer."
  @spec headers() :: [{String.t(), String.t()}]
  def headers do
    [
      {"Server", "game_box"},
      {"Content-Security-Policy", policy()},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
    ]
  end

  # The page makes its elements one by one, so there is no place where text becomes markup: trusted types forbid any.
  defp policy do
    Enum.join(
      [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        Enum.join(["connect-src 'self'" | Settings.urls()], " "),
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'"
      ],
      "; "
    )
  end

  @doc "Whether a request is for this box, and, if it changes or follows something, from its own page."
  @spec check(Request.t()) :: :ok | {:error, pos_integer(), String.t()}
  def check(request) do
    host = Request.header(request, "host") || ""

    cond do
      name(host) not in Settings.hosts() -> {:error, 421, "This is not #{printable(host)}."}
      request.method in [:GET, :HEAD] and not follows?(request) -> :ok
      own?(request, host) -> :ok
      true -> {:error, 403, "This request comes from another page."}
    end
  end

  defp follows?(request), do: List.last(request.path) == "stream"

  # A browser says where a request comes from: in Origin when it changes something, in Sec-Fetch-Site always.
  defp own?(request, host) do
    site = Request.header(request, "sec-fetch-site")
    origin = Request.header(request, "origin")
    scheme = if Settings.https?(), do: "https", else: "http"

    site in [nil, "same-origin"] and
      case origin do
        nil -> request.method == :GET
        origin -> origin == "#{scheme}://#{host}"
      end
  end

  defp name(host), do: host |> String.downcase() |> String.replace(~r/:\d+$/, "")

  defp printable(host), do: String.replace(String.slice(to_string(host), 0, 100), ~r/[^ -~]/, "?")

  @doc "A cookie that scripts cannot read and other sites cannot send."
  @spec cookie(String.t(), String.t()) :: {String.t(), String.t()}
  def cookie(name, value) do
    secure = if Settings.https?(), do: "; Secure", else: ""
    {"Set-Cookie", "#{name}=#{value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800#{secure}"}
  end
end
