import Foundation

/// What `rootless-storage check --json` and `repair --json` print, as far as tests look at it.
public struct Report: Decodable, Sendable {
  public struct Remedy: Decodable, Sendable {
    public let instruction: String?
    public let command: String?
    public let runBy: String?
    public let note: String?
  }
  public struct Finding: Decodable, Sendable {
    public let code: String
    public let severity: String
    public let sentence: String
    public let remedy: String
    public let remedyParts: Remedy
    public let isRepairable: Bool
  }
  public struct Action: Decodable, Sendable {
    public let action: String
    public let outcome: String
    public let backup: String?
    public let cause: String?
  }
  public struct User: Decodable, Sendable {
    public let name: String
    public let findings: [Finding]
    public let actions: [Action]?
    public let failure: String?
  }
  public struct Host: Decodable, Sendable { public let findings: [Finding] }

  public let version: Int
  public let host: Host
  public let users: [User]

  public init(_ output: Output) throws {
    do { self = try JSONDecoder().decode(Report.self, from: Data(output.text.utf8)) } catch {
      throw CommandFailure(description: "no report: \(output)")
    }
  }
}
